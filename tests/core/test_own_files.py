"""Files that an output may not replace, and parts that a killed export left: each kind, and that nothing else is touched."""

import os

import pytest
from histories import write_session
from pytest_insight.core.own_files import check_new_log, check_output, check_replacing
from pytest_insight.core.parts import remove_stale_parts
from pytest_insight.core.profiles import create_profile
from pytest_insight.eventlog.errors import ProfileError
from pytest_insight.eventlog.files.system import SYSTEM
from pytest_insight.eventlog.home.paths import home_dir
from pytest_insight.eventlog.sources import live_dirs, pack_dir

LOG = write_session("s1", 0, [("t.py::a", "passed")])


@pytest.fixture
def home(private_home, tmp_path):
    """Return the home, with a profile whose log is elsewhere."""
    (tmp_path / "shop.jsonl").write_bytes(LOG)
    create_profile("shop", file_path=tmp_path / "shop.jsonl")
    return home_dir()


# ------------------------------------------------------------------ outputs


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("shop.jsonl", "is the log of profile shop"),
        ("shop.jsonl.packs/a.jsonl.gz", "is the log of profile shop"),
        ("shop.jsonl.live/a.jsonl", "is a live file of profile shop"),
        ("link", "is the log of profile shop"),
        ("input.jsonl", "is an input"),
        ("hard-link", "is an input"),
    ],
)
def test_an_output_never_replaces_a_log_that_belongs_to_a_profile_or_is_read(home, tmp_path, place, reason):
    """Also through a link, symbolic or hard, and for the packs and live files of a log."""
    source = tmp_path / "input.jsonl"
    source.write_bytes(LOG)
    (tmp_path / "link").symlink_to(tmp_path / "shop.jsonl")
    os.link(source, tmp_path / "hard-link")
    log = tmp_path / "shop.jsonl"
    folders = {"shop.jsonl.packs": pack_dir(log), "shop.jsonl.live": next(iter(live_dirs(log)))}
    folder, _, name = place.partition("/")
    path = folders[folder] / name if name else tmp_path / place
    if name:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LOG)
    with pytest.raises(FileExistsError, match=reason):
        check_output(path, [source])


def test_an_output_never_replaces_a_file_of_the_home(home):
    """Whatever it is; a file that is not there yet, or lies elsewhere, is no obstacle."""
    (home / "anything").write_text("x")
    with pytest.raises(FileExistsError, match="pytest-insight's own folder"):
        check_output(home / "anything")
    check_output(home / "new")
    (home.parent / "elsewhere").write_text("x")
    check_output(home.parent / "elsewhere", [home.parent / "missing"])


@pytest.mark.parametrize(
    ("content", "force", "is_refused"),
    [("x", False, True), ("x", True, False), ("", False, False), (None, False, False)],
)
def test_a_file_that_holds_something_is_replaced_only_by_force(tmp_path, content, force, is_refused):
    """An empty one, or none, is replaced without a word."""
    path = tmp_path / "out.json"
    if content is not None:
        path.write_text(content)
    if is_refused:
        with pytest.raises(FileExistsError, match="--force replaces it"):
            check_replacing(path, force=force)
    else:
        check_replacing(path, force=force)


# ------------------------------------------------------------------ new logs


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jsonl", None, ""),
        ("a.anything", None, ""),
        ("a.jsonl", b"", ""),
        ("a.txt", b"", "is an empty file of another kind"),
        ("a.jsonl", LOG, ""),
        ("a.jsonl", b"text\n", "is not an event log"),
        ("a.jsonl", b'{"v":1,"type":"x"}\n', "no line in it is an event"),
        ("a.json", b'{"sessions": []}', "is a JSON file without sessions"),
        ("a.json", b'{"sessions": [5]}', "is a JSON file with 1 entries that are no sessions"),
        ("a.json", b"{", "is a JSON file without sessions"),
    ],
)
def test_a_file_may_become_a_log_if_it_is_one_or_is_empty(private_home, tmp_path, name, content, reason):
    """Or if it can be converted; the message says that nothing was written."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    if not reason:
        check_new_log(path)
        return
    with pytest.raises(ProfileError, match=f"{reason}.*choose another file, nothing was written"):
        check_new_log(path)


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("profiles.json", "belongs to pytest-insight itself"),
        ("profiles.json.lock", "belongs to pytest-insight itself"),
        ("profiles.json.new", "belongs to pytest-insight itself"),
        ("models/x.jsonl", "belongs to pytest-insight itself"),
        ("x.jsonl", ""),
    ],
)
def test_places_of_the_home_that_are_no_place_for_a_log(private_home, place, reason):
    """Before there is a file too."""
    if reason:
        with pytest.raises(ProfileError, match=reason):
            check_new_log(home_dir() / place)
    else:
        check_new_log(home_dir() / place)


def test_a_log_never_lies_among_the_packs_or_live_files_of_another(private_home, tmp_path):
    """Those folders are the other log's; a folder is no file."""
    log = tmp_path / "log.jsonl"
    for folder in (pack_dir(log), *live_dirs(log)):
        with pytest.raises(ProfileError, match="among the packs or live files"):
            check_new_log(folder / "x.jsonl")
    with pytest.raises(ProfileError, match="choose another file"):
        check_new_log(tmp_path)


# ------------------------------------------------------------------ parts


def test_only_parts_of_that_output_are_removed(tmp_path):
    """With eight hex digits and that ending; a name with characters of a glob is taken as it is."""
    output = tmp_path / "out[1].json"
    stale = [tmp_path / f".out[1].json.{digits}.part" for digits in ("0123abcd", "ffffffff")]
    others = [
        ".out[1].json.0123abcd",
        ".out[1].json.0123abc.part",
        ".out[1].json.0123ABCD.part",
        ".out[1].json.0123abcd.part.part",
        ".out1.json.0123abcd.part",
        ".out[1].json.x.0123abcd.part",
        "out[1].json.0123abcd.part",
    ]
    for path in (*stale, output, *(tmp_path / name for name in others)):
        path.write_text("x")
    assert sorted(remove_stale_parts(output)) == sorted(stale)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output.name, *others])
    assert remove_stale_parts(output) == []


def test_a_part_that_is_being_written_stays(tmp_path):
    """It is locked by who writes it, and goes once the lock does; a folder of that name is left alone."""
    part = tmp_path / ".out.json.0123abcd.part"
    fd = SYSTEM.open_append(str(part))
    try:
        assert SYSTEM.lock(fd)
        assert remove_stale_parts(tmp_path / "out.json") == []
        assert part.exists()
    finally:
        os.close(fd)
    assert remove_stale_parts(tmp_path / "out.json") == [part]
    part.mkdir()
    assert remove_stale_parts(tmp_path / "out.json") == []
    assert part.is_dir()
