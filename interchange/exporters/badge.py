"""A badge of one line as SVG: no script, no link, no style."""

from collections.abc import Iterator
from html import escape

from .sessions import ExportedSession

_GOOD, _BAD, _UNKNOWN = "#2f6f5f", "#b2182b", "#6e7681"
_LABEL_COLOUR = "#444c56"
_CHAR_WIDTH, _PAD = 7, 10
_LABEL_MAX = 40


def write_badge(sessions: list[ExportedSession], *, now_us: int, stale_us: int | None = None) -> Iterator[str]:
    """Yield the badge of the last session.

    Args:
        sessions: the sessions.
        now_us: the time now.
        stale_us: age from which a session says nothing any more.
    """
    session = sessions[-1] if sessions else None
    if session is None or (stale_us is not None and now_us - session.row.started_us > stale_us):
        yield _draw(session.row.sut if session else "tests", "unknown", _UNKNOWN)
        return
    counts = session.verdicts()
    bad = sum(test.is_bad for test in session.tests.values()) + len(session.collection_errors)
    if not session.is_complete:
        yield _draw(session.row.sut, "cut short", _BAD)
    elif bad:
        yield _draw(session.row.sut, f"{bad} failed", _BAD)
    elif not counts:
        yield _draw(session.row.sut, "no tests", _UNKNOWN)
    else:
        yield _draw(session.row.sut, f"{counts['passed'] + counts['xpassed']} passed", _GOOD)


def _draw(label: str, value: str, colour: str) -> str:
    label = "".join(char if char.isprintable() else "?" for char in label)[:_LABEL_MAX] or "tests"
    left, right = (len(text) * _CHAR_WIDTH + _PAD for text in (label, value))
    width, told = left + right, escape(f"{label}: {value}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{told}">'
        f"<title>{told}</title>"
        f'<rect width="{left}" height="20" fill="{_LABEL_COLOUR}"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        f'<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2:g}" y="14" textLength="{left - _PAD}">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14" textLength="{right - _PAD}">{escape(value)}</text></g></svg>\n'
    )
