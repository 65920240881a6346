"""The places that a run was told to take are recorded as pytest understood them."""

import pytest

FILES = {"test_a": "def test_a(): pass\n", "test_b": "def test_b(): pass\n"}


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ([], []),
        (["--reruns", "1", "--only-rerun", "TimeoutError"], []),
        (["-k", "test_a"], []),
        (["."], ["."]),
        (["test_a.py"], ["test_a.py"]),
        (["./test_a.py::test_a", "-x", "test_b.py"], ["test_a.py::test_a", "test_b.py"]),
        (["--maxfail", "1", "ROOT/test_b.py"], ["test_b.py"]),
        (["--strict-markers", "test_a.py"], ["test_a.py"]),
    ],
)
def test_places_are_those_of_pytest(suite, run, python, tmp_path, words, places):
    """Values of options are none, absolute paths are within the root folder."""
    suite(**FILES)
    words = [word.replace("ROOT", str(tmp_path)) for word in words]
    (header,) = run(python, *words).of_type("session.started")
    assert header["places"] == places
