"""Shortening of a text and removal of its secrets, with a cost that depends on the limit, not on the text."""

from hashlib import blake2b

from ...eventlog.events import Truncation
from ...eventlog.format import DIGEST_SIZE
from ...eventlog.plain import clean_text, shorten
from .redactor import Redactor

MARGIN_CHARS = 16 * 1024
"""Text kept on both sides of a cut until secrets are removed: longer than any key, so that no half of a key is left."""


def redact_shortened(redact: Redactor, text: str, limit_bytes: int) -> tuple[str, Truncation | None, bool]:
    """Return a text without secrets and below a limit, its original size if it was cut, and whether characters were
    escaped.

    Only head and tail of a long text are searched, since the middle is not recorded.

    Args:
        redact: removes secrets.
        text: text of any length.
        limit_bytes: approximate maximum length of the result in UTF-8.
    """
    clean, lossy = clean_text(text)
    half = limit_bytes // 2 + MARGIN_CHARS
    if len(clean) <= 2 * half + MARGIN_CHARS:
        short, was = shorten(redact(clean), limit_bytes)
        return short, was, lossy
    head, tail = redact(clean[:half]), redact(clean[-half:])
    # `shorten` cuts in the middle: both halves are at least as long as it keeps, unless much was taken out.
    keep_head = min(limit_bytes // 2 - 32, max(len(head.encode()) - MARGIN_CHARS, 0))
    keep_tail = min(limit_bytes // 2 - 32, max(len(tail.encode()) - MARGIN_CHARS, 0))
    raw_head, raw_tail = head.encode(), tail.encode()
    shown_head = raw_head[: max(keep_head, 0)].decode("utf-8", "ignore")
    shown_tail = raw_tail[len(raw_tail) - max(keep_tail, 0) :].decode("utf-8", "ignore")
    middle = clean[half:-half].encode()
    total = len(raw_head) + len(middle) + len(raw_tail)
    digest = blake2b(raw_head, digest_size=DIGEST_SIZE)
    digest.update(middle)
    digest.update(raw_tail)
    left_out = total - len(shown_head.encode()) - len(shown_tail.encode())
    was = Truncation(bytes=total, blake2b=digest.hexdigest())
    return f"{shown_head}\n[... {left_out} bytes left out ...]\n{shown_tail}", was, lossy
