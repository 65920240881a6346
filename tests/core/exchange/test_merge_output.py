"""Writing the union of logs: each state of the output with what becomes of it, compressed or not."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from pytest_insight.core.exchange.merge_output import write_merged

UNION = b"line 1\nline 2\n"
MERGER = SimpleNamespace(write=lambda sink, progress: sink.write(UNION))
"""A merge whose result is known."""


def merge(output, inputs=(), *, force=False) -> bytes:
    """Write the union to a file; what is in the file then."""
    with TemporaryDirectory() as folder:
        write_merged(MERGER, list(inputs), output, Path(folder, "merged"), force=force, progress=None)
    return output.read_bytes()


def lines_in(output) -> bytes:
    """What a file holds, unpacked if its name says that it is compressed."""
    return gzip.decompress(output.read_bytes()) if output.suffix == ".gz" else output.read_bytes()


@pytest.fixture(params=["all.jsonl", "all.jsonl.gz"])
def output(request, tmp_path):
    """A file that is not there yet."""
    return tmp_path / request.param


def test_a_new_file_has_the_union(output):
    """And there is no part of it left."""
    merge(output)
    assert lines_in(output) == UNION
    assert [path.name for path in output.parent.iterdir()] == [output.name]


def test_equal_unions_are_equal_files(output, tmp_path):
    """Compressed ones too, as they hold no time."""
    (tmp_path / "other").mkdir()
    assert merge(output) == merge(tmp_path / "other" / output.name)


@pytest.mark.parametrize("is_input", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_a_file_that_is_the_union_already_is_left_as_it_is(output, is_input, force):
    """Also an input of the merge: nothing is lost, as nothing is written."""
    written = merge(output)
    before = output.stat()
    assert merge(output, [output] if is_input else [], force=force) == written
    assert (output.stat().st_ino, output.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("inputs", "force", "refused"),
    [
        ([], False, "--force replaces it"),
        ([], True, None),
        (["itself"], False, "is an input"),
        (["itself"], True, "is an input"),
        (["folder"], True, "is an input"),
        (["elsewhere", "missing"], True, None),
    ],
)
def test_a_file_with_other_content_is_replaced_only_by_force_and_never_if_it_is_an_input(
    output, inputs, force, refused, tmp_path
):
    """Whether it was named itself or lies in a folder that was."""
    output.write_bytes(b"other")
    (tmp_path / "elsewhere").mkdir()
    places = {
        "itself": output,
        "folder": tmp_path,
        "elsewhere": tmp_path / "elsewhere",
        "missing": tmp_path / "missing",
    }
    given = [places[name] for name in inputs]
    if refused is None:
        merge(output, given, force=force)
        assert lines_in(output) == UNION
        return
    with pytest.raises(FileExistsError, match=refused):
        merge(output, given, force=force)
    assert output.read_bytes() == b"other"
