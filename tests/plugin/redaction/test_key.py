"""Key of the digests in node ids: one for each home, private, and never a reason not to record."""

import os
from hashlib import blake2b

import pytest
from pytest_insight.plugin.redaction import key as key_module
from pytest_insight.plugin.redaction.key import KEY_FILE, RedactionKey


@pytest.fixture
def home(tmp_path):
    """A home that does not exist yet."""
    return tmp_path / "home"


def test_the_digest_is_that_of_the_key_in_the_home(home):
    """Eight hex digits of BLAKE2b with the 32 bytes of the file as its key; a lone surrogate has a digest as well."""
    key = RedactionKey(home)
    first = key.digest("secret")
    stored = (home / KEY_FILE).read_bytes()
    assert len(stored) == 32
    assert first == blake2b(b"secret", key=stored, digest_size=4).hexdigest()
    assert key.digest("\ud800") != first
    assert RedactionKey(home).digest("secret") == first


def test_the_key_is_private_and_leaves_no_draft(home):
    """Its owner alone can read it, whatever the umask."""
    old = os.umask(0)
    try:
        RedactionKey(home).digest("x")
    finally:
        os.umask(old)
    assert (home / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == [KEY_FILE]


def test_of_two_processes_that_make_a_key_the_first_one_counts(home, monkeypatch):
    """The other takes that key, so that both give a test the same name."""
    real_link = os.link

    def link_late(draft, path):
        if not path.exists():
            path.write_bytes(b"k" * 32)
        real_link(draft, path)

    monkeypatch.setattr(key_module.os, "link", link_late)
    assert RedactionKey(home).digest("x") == blake2b(b"x", key=b"k" * 32, digest_size=4).hexdigest()
    assert [path.name for path in home.iterdir()] == [KEY_FILE]


def make_short(home):
    """A key that was cut."""
    (home / KEY_FILE).write_bytes(b"k" * 31)


def make_link(home):
    """A link to a file of another owner's choice."""
    (home / "elsewhere").write_bytes(b"k" * 32)
    (home / KEY_FILE).symlink_to(home / "elsewhere")


def make_folder(home):
    """A folder under that name."""
    (home / KEY_FILE).mkdir()


def make_pipe(home):
    """A pipe that nothing writes to."""
    os.mkfifo(home / KEY_FILE)


@pytest.mark.parametrize("spoil", [make_short, make_link, make_folder, make_pipe])
def test_a_file_that_is_no_key_is_not_used_and_not_changed(home, spoil):
    """Recording goes on with a key of this process: the same digest in it, another one in the next."""
    home.mkdir()
    spoil(home)
    before = sorted((path.name, path.lstat().st_mode, path.lstat().st_size) for path in home.iterdir())
    key = RedactionKey(home)
    assert key.digest("x") == key.digest("x")
    assert key.digest("x") != RedactionKey(home).digest("x")
    assert key.digest("x") != blake2b(b"x", key=b"k" * 32, digest_size=4).hexdigest()
    assert sorted((path.name, path.lstat().st_mode, path.lstat().st_size) for path in home.iterdir()) == before


def test_without_a_folder_the_key_is_in_the_home_of_pytest_insight(private_home):
    """As all files of the user."""
    RedactionKey().digest("x")
    assert (private_home / "insight" / KEY_FILE).exists()
