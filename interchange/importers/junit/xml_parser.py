"""An XML parser that refuses what a report of tests never needs: declarations of entities, depth, huge attributes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from ..protocol import RefusedFileError, XmlLimits
from .xml_text import XmlText

Start = Callable[[str, dict[str, str]], None]


class XmlRun:
    """One pass over an XML file.

    Args:
        path: the file.
        limits: limits of what is in it.
        start: called with name and attributes of each element; names have no prefix of a namespace.
        end: called with the name of each element that ends; None if nothing has to be done then.
        text: called with pieces of text; None if the text is of no interest.
        ends: names of the elements whose end has to be told; None for all.
        is_known: an earlier pass over the same file found no depth, attribute or prefix that has to be looked at.
    """

    def __init__(
        self,
        path: Path,
        limits: XmlLimits,
        start: Start,
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
        *,
        ends: frozenset[str] | None = None,
        is_known: bool = False,
    ) -> None:
        self._text = XmlText(path)
        self._limits = limits
        self._start, self._end, self._ends = start, end, ends
        self._depth = 0
        self._is_long = False
        self.has_prefixes = False
        """Whether an element had the prefix of a namespace."""
        self._parser = parser = expat.ParserCreate("utf-8")
        parser.buffer_text = True
        if is_known and end is not None:
            parser.StartElementHandler, parser.EndElementHandler = start, end
        else:
            parser.StartElementHandler, parser.EndElementHandler = self._take_start, self._take_end
        parser.StartDoctypeDeclHandler = _refuse_declarations
        if text is not None:
            parser.CharacterDataHandler = text
        self.damage = ""
        """Place and reason of the end of what can be read; empty if the whole file can be."""

    @property
    def replaced(self) -> int:
        """Number of characters that were replaced."""
        return self._text.replaced

    def steps(self) -> Iterator[None]:
        """Parse the file, and yield after each piece of it.

        Raises:
            RefusedFileError: the file is dangerous.
        """
        parser, longest = self._parser, self._limits.attribute_bytes
        fed = 0
        try:
            for piece in self._text.chunks():
                # Parts of a piece are parsed one after the other, so that the parser never holds more than is allowed.
                for begin in range(0, len(piece), longest):
                    part = piece[begin : begin + longest]
                    # Only a mark that began some pieces ago can be long.
                    self._is_long = 2 * (fed - parser.CurrentByteIndex + len(part)) > longest
                    parser.Parse(part)
                    fed += len(part)
                    if fed - parser.CurrentByteIndex > 2 * longest:
                        raise RefusedFileError(
                            f"line {parser.CurrentLineNumber}: a single mark of more than {longest} bytes",
                            "raise it by --limit attribute=... if you trust it",
                        )
                    yield
            parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by position only
        except expat.ExpatError as error:
            self.damage = f"{expat.ErrorString(error.code)} at line {error.lineno}, column {error.offset}"
        yield

    def _take_start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > self._limits.depth:
            raise RefusedFileError(
                f"more than {self._limits.depth} elements within each other",
                "raise it by --limit depth=... if you trust it",
            )
        if self._is_long and sum(map(len, attributes.values())) > self._limits.attribute_bytes:
            raise RefusedFileError(
                f"attributes of more than {self._limits.attribute_bytes} bytes",
                "raise it by --limit attribute=... if you trust it",
            )
        if ":" in name:
            self.has_prefixes, name = True, name.rpartition(":")[2]
        self._start(name, attributes)

    def _take_end(self, name: str) -> None:
        self._depth -= 1
        if ":" in name:
            name = name.rpartition(":")[2]
        if self._end is not None and (self._ends is None or name in self._ends):
            self._end(name)


def _refuse_declarations(*_: Any) -> None:
    raise RefusedFileError(
        "declares a document type (DTD), which can name files and grow without end; nothing was read",
        "remove the <!DOCTYPE ...> if you trust the file",
    )
