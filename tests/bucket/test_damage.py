"""Objects that are damaged, gone or foreign: the rest is fetched, and a home that has the events writes them again."""

import os

import pytest

DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "flipped": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "empty": lambda _: b"",
    "not compressed": lambda _: b'{"v":1}\n',
    "a bomb": lambda _: _bomb(),
}


def _bomb():
    from pytest_insight.collector.client.bucket.segments import UNPACKED_MAX, zstd

    return zstd.compress(bytes(UNPACKED_MAX + 2), 1)


def only_object(folder):
    """Return the path of the one object."""
    [path] = folder.rglob("*.zst")
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_named_and_written_again(make_home, bucket, folder, damage):
    """The reader says which object it is; the machine that has its events replaces it."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    first.sync(bucket)
    path = only_object(folder)
    whole = path.read_bytes()
    path.write_bytes(DAMAGES[damage](whole))
    second.record("b")
    report = second.sync(bucket, check=False)
    assert report["fetched"] == 0
    assert report["sent"] > 0
    assert [path.name in text for text in report["findings"]] == ([] if damage == "empty" else [True])
    first.sync(bucket, "--verify", check=False)  # finds the damage
    first.sync(bucket)
    assert path.read_bytes() == whole
    assert second.sync(bucket)["fetched"] > 0
    assert sorted(first.log.read_bytes().splitlines()) == sorted(second.log.read_bytes().splitlines())


def test_an_object_under_a_wrong_name_is_not_taken_for_another(make_home, bucket, folder):
    """The name is compared with the events."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    first.sync(bucket)
    path = only_object(folder)
    renamed = path.parent.parent / ("b" * 32) / path.name
    renamed.parent.mkdir()
    path.rename(renamed)
    report = second.sync(bucket, check=False)
    assert report["fetched"] == 0
    assert len(report["findings"]) == 1


def test_objects_that_are_gone_are_sent_again(make_home, bucket, folder):
    """A listing shows that they are missing."""
    first = make_home("first")
    first.record("a")
    first.sync(bucket)
    only_object(folder).unlink()
    assert first.sync(bucket)["sent"] > 0
    assert only_object(folder)


def test_foreign_objects_stay_where_they_are(make_home, bucket, folder):
    """A bucket may hold objects of other programs."""
    home = make_home("home")
    strange = {"notes.txt": b"x", "v1/readme": b"y", "v1/2026/11/28/z": b"", "v1/keep.json": b"{damaged"}
    for key, data in strange.items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(data)
    home.record("a")
    assert home.sync(bucket)["sent"] > 0
    assert {key: (folder / key).read_bytes() for key in strange} == strange


@pytest.mark.parametrize("harm", ["removed", "cut", "foreign"])
def test_what_is_known_of_a_bucket_can_be_lost(make_home, bucket, harm):
    """It is a cache: nothing is sent or appended twice."""
    first, second = make_home("first"), make_home("second")
    first.record("a")
    second.record("b")
    for home in (first, second, first):
        home.sync(bucket)
    before = first.log.read_bytes()
    for path in (first.folder / "remotes").glob("*.objects"):
        data = path.read_bytes()
        path.unlink()
        if harm != "removed":
            path.write_bytes(data[: len(data) // 2] if harm == "cut" else os.urandom(100))
    report = first.sync(bucket)
    assert (report["sent"], report["fetched"]) == (0, 0)
    assert first.log.read_bytes() == before
