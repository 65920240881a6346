"""The bytes of an XML file as UTF-8 that a parser accepts: encodings, and characters that XML does not allow."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from ..protocol import RefusedFileError

_CHUNK_BYTES = 1 << 18
_TAIL_BYTES = 16
_FORBIDDEN = bytes(code for code in range(32) if code not in (9, 10, 13))
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_CONTROLS = re.compile(b"[" + re.escape(_FORBIDDEN) + b"]|\xef\xbf[\xbe\xbf]")
_ALLOWED = ((9, 10), (13, 13), (0x20, 0xD7FF), (0xE000, 0xFFFD), (0x10000, 0x10FFFF))
"""Characters of XML 1.0."""

_NUMBERED = re.compile(rb"&#(?:[xX]([0-9a-fA-F]{1,10})|([0-9]{1,12}));")
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"), (b"<\0t\0", "utf-16-le"), (b"\0<\0t", "utf-16-be"))
_WIDE_NAMES = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32"})
_SURROGATES = re.compile("[\ud800-\udfff]")
_NO_TEXT = frozenset({"hex", "base64", "bz2", "zlib", "rot13", "rot-13", "uu", "quopri", "unicode-escape"})


def encoding_of(head: bytes) -> str:
    """Return the encoding of an XML file by its first bytes.

    Raises:
        RefusedFileError: it declares one that does not exist.
    """
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    for start, name in _WIDE:
        if head.startswith(start):
            return name
    declared = _DECLARED.match(head.lstrip())
    if declared is None:
        return "utf-8"
    name = declared[1].decode("ascii").lower()
    try:
        found = codecs.lookup(name)
    except LookupError:
        found = None
    if found is None or name.replace("_", "-") in _NO_TEXT or not getattr(found, "_is_text_encoding", True):
        raise RefusedFileError(f"declares the encoding {name!r}, which is not known", "convert it to UTF-8")
    return "utf-8" if found.name.startswith("utf-16") or found.name.startswith("utf-32") else found.name


class XmlText:
    """Reads an XML file as clean UTF-8.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.replaced = 0
        """Characters that are not allowed in XML, or no text in the encoding of the file."""

    def chunks(self) -> Iterator[bytes]:
        """Yield the file in pieces, in UTF-8, with what XML does not allow replaced by U+FFFD."""
        with self._path.open("rb") as stream:
            head = stream.read(_CHUNK_BYTES)
            encoding = encoding_of(head)
            decoder = codecs.getincrementaldecoder(encoding)(
                "replace" if encoding in _WIDE_NAMES else "surrogateescape"
            )
            rest, data = b"", head
            while data:
                following = stream.read(_CHUNK_BYTES)
                piece = rest + self._encode(decoder.decode(data, not following), wide=encoding in _WIDE_NAMES)
                cut = _safe_end(piece) if following else len(piece)
                rest = piece[cut:]
                yield self._clean(piece[:cut])
                data = following

    def _encode(self, text: str, *, wide: bool) -> bytes:
        if wide:
            self.replaced += text.count("\N{REPLACEMENT CHARACTER}")
        try:
            return text.encode()
        except UnicodeEncodeError:
            text, count = _SURROGATES.subn("\N{REPLACEMENT CHARACTER}", text)
            self.replaced += count
            return text.encode()

    def _clean(self, piece: bytes) -> bytes:
        if len(piece.translate(None, _FORBIDDEN)) != len(piece) or b"\xef\xbf\xbe" in piece or b"\xef\xbf\xbf" in piece:
            piece, count = _CONTROLS.subn(_REPLACEMENT, piece)
            self.replaced += count
        if b"&#" in piece:
            piece = _NUMBERED.sub(self._reference, piece)
        return piece

    def _reference(self, match: re.Match[bytes]) -> bytes:
        code = int(match[1], 16) if match[1] else int(match[2])
        allowed = any(first <= code <= last for first, last in _ALLOWED)
        if allowed:
            return match[0]
        self.replaced += 1
        return _REPLACEMENT


def _safe_end(piece: bytes) -> int:
    """Return where a piece may end without cutting a reference to a character in two."""
    place = piece.rfind(b"&", len(piece) - _TAIL_BYTES)
    return place if place >= 0 and b";" not in piece[place:] else len(piece)
