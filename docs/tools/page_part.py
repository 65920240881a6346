"""Replace the generated part of a page: the text between an opening and a closing comment."""

import sys
from collections.abc import Callable
from pathlib import Path


def replace_part(page: str, name: str, text: str) -> str:
    """Return `page` with `text` between `<!-- name: ... -->` and `<!-- /name -->`.

    Args:
        page: the Markdown text of the page; both comments must be in it.
        name: the name in the comments.
        text: the new content, with a newline at its end.

    Raises:
        ValueError: one of the comments is missing.
    """
    head, begin, rest = page.partition(f"<!-- {name}:")
    comment, newline, rest = rest.partition("\n")
    _, end, tail = rest.partition(f"<!-- /{name} -->")
    if not (begin and newline and end):
        raise ValueError(f"the page has no part between `<!-- {name}: ... -->` and `<!-- /{name} -->`")
    return f"{head}{begin}{comment}\n\n{text}\n{end}{tail}"


def update_page(renew: Callable[[str], str]) -> None:
    """Write the page named on the command line again, as `renew` returns it."""
    path = Path(sys.argv[1])
    path.write_text(renew(path.read_text(encoding="utf-8")), encoding="utf-8")
