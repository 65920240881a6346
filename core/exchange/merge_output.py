"""Writing the union of logs to a file: complete or not at all, and never over an input."""

import gzip
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, cast

from ...eventlog.files.private import open_private
from ...eventlog.merging.merger import Merger, is_same_file
from .export import replacing

Progress = Callable[[int], None]
_CHUNK = 1 << 20


def write_merged(
    merger: Merger, inputs: list[Path], output: Path, temporary: Path, *, force: bool, progress: Progress | None
) -> None:
    """Write the result of a merge to a file; a file with the same content is left as it is.

    Args:
        merger: the merge, with its index.
        inputs: files and folders that were named as inputs.
        output: the file; compressed if its name ends in `.gz`.
        temporary: a new file that may be used.
        force: replace a file with other content.
        progress: callback with the bytes written.

    Raises:
        FileExistsError: the file has other content, and is an input or may not be replaced.
    """
    if not output.exists():
        with replacing(output) as out, _compress_if_named(out, output) as sink:
            merger.write(sink, progress)
        return
    with open_private(temporary) as out, _compress_if_named(out, output) as sink:
        merger.write(sink, progress)
    if is_same_file(output, temporary):
        return
    if any(_is_within(output, path) for path in inputs):
        raise FileExistsError(17, "is an input, with other content; choose another file for the output", str(output))
    if not force:
        raise FileExistsError(17, "is there already, with other content; --force replaces it", str(output))
    with replacing(output) as out, temporary.open("rb") as merged:
        while data := merged.read(_CHUNK):
            out.write(data)


def _is_within(output: Path, given: Path) -> bool:
    """Return whether an existing file is an input, or lies in a folder of inputs."""
    if given.is_dir():
        return output.resolve().is_relative_to(given.resolve())
    return given.exists() and output.samefile(given)


def _compress_if_named(out: IO[bytes], output: Path) -> AbstractContextManager[IO[bytes]]:
    """Return a file that compresses if the name ends in `.gz`; equal input gives equal bytes, so it holds no time."""
    if output.suffix != ".gz":
        return nullcontext(out)
    return cast("IO[bytes]", gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0))
