r"""Text from logs, made safe for a terminal.

Test output holds anything: escape sequences that move the cursor, retitle the window or paste into it. Here every
control character becomes visible text (`\x1b`), so that it is shown and never executed.
"""

import re

_CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""C0 but tab and newline, DEL, C1, the marks that turn the direction of writing, and what ends a line unseen."""
_JSON_CONTROLS = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Those of them that JSON allows in a string as they are."""


def safe(text: str) -> str:
    """Return `text` with control characters as visible escapes; tabs and newlines stay."""
    return _CONTROLS.sub(_visible, text)


def safe_line(text: str) -> str:
    r"""Return `text` on one line: newlines and tabs become `\n` and `\t` as well."""
    return safe(text).replace("\n", "\\n").replace("\t", "\\t")


def safe_json(text: str) -> str:
    r"""Return JSON text of the same value without control characters a terminal obeys: DEL and C1 as `\u009b`."""
    return _JSON_CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 - what one byte holds
