"""A page that says why there is no other: it shows nothing of the log and needs no template."""

from html import escape
from http import HTTPStatus

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title><link rel="icon" href="data:,"></head>
<body><main><h1>{title}</h1><p>{reason}</p></main></body>
</html>
"""


def problem_page(status: int, reason: str) -> bytes:
    """Return the page.

    Args:
        status: of HTTP.
        reason: a sentence.
    """
    return _PAGE.format(title=escape(HTTPStatus(status).phrase), reason=escape(reason)).encode()
