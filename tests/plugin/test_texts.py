"""Texts of reports: which are taken, from where, and how much of each."""

from hashlib import blake2b

import pytest
from builders import Raises, make_policy, make_report
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.attempts.texts import longrepr_of, output_texts, reason_of, texts_of_reports

FIELDS = {"stdout": "capstdout", "stderr": "capstderr", "log": "caplog"}
WANTED = {  # outcome: recorded with `all`, `failed`, `none`
    "passed": (True, False, False),
    "xfailed": (True, False, False),
    "xpassed": (True, False, False),
    "skipped": (True, False, False),
    "failed": (True, True, False),
    "error": (True, True, False),
    "rerun": (True, True, False),
    "other": (True, True, False),
}


@pytest.mark.parametrize("outcome", WANTED)
def test_output_is_recorded_of_the_tests_that_the_setting_names(outcome):
    """`failed` means every test whose result is neither good nor skipped."""
    policies = [make_policy(output) for output in ("all", "failed", "none")]
    assert tuple(policy.wants_output(outcome) for policy in policies) == WANTED[outcome]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"outcome": "skipped", "longrepr": ("a.py", 3, "Skipped: no database")}, "no database"),
        ({"outcome": "skipped", "longrepr": ("a.py", 3, "")}, ""),
        ({"outcome": "skipped", "longrepr": ()}, ""),
        ({"outcome": "skipped", "longrepr": ("a.py", 3, "Skipped: Skipped: twice")}, "Skipped: twice"),
        ({"outcome": "skipped", "wasxfail": "reason: known"}, "known"),
        ({"outcome": "skipped", "wasxfail": "", "longrepr": "text"}, ""),
        ({"outcome": "failed", "longrepr": "[XPASS(strict)] must fail"}, "must fail"),
        ({"outcome": "failed", "longrepr": "[XPASS(strict)]"}, ""),
        ({"outcome": "failed", "longrepr": "[XPASS] must fail"}, ""),
        ({"outcome": "failed", "longrepr": ("a.py", 3, "Skipped: x")}, ""),
        ({"outcome": "passed"}, ""),
    ],
)
def test_the_reason_is_that_of_a_skip_or_an_expected_failure(more, expected):
    """Without the word that pytest puts before it, once."""
    assert reason_of(make_report(**more)) == expected


def test_a_failure_that_cannot_be_rendered_is_named():
    """By the type of its representation, and the error."""

    class Failure:
        nodeid, outcome, longrepr = "a", "failed", Raises()

        @property
        def longreprtext(self):
            raise ValueError

    assert longrepr_of(Failure()) == "<Raises could not be rendered: ValueError>"
    assert longrepr_of(make_report(longreprtext="text of nothing")) == ""


def test_the_texts_of_several_phases_are_all_kept():
    """A failed call and a failed teardown: both representations in their order, both reasons, no text of a skip."""
    reports = [
        make_report("setup", "skipped", longrepr=("a.py", 1, "Skipped: one"), longreprtext="('a.py', 1, 'one')"),
        make_report("call", "failed", longrepr="x", longreprtext="first"),
        make_report("teardown", "failed", longrepr="[XPASS(strict)] two", longreprtext="second"),
    ]
    texts = texts_of_reports(reports, [], make_policy(), with_output=True)
    assert texts.longreprtext == "first\n\nsecond"
    assert texts.reason == "one\ntwo"


@given(
    st.lists(st.tuples(st.sampled_from([*FIELDS, "other"]), st.sampled_from(["setup", "call"]), st.text("ab\n"))),
    st.booleans(),
)
def test_sections_are_joined_by_their_kind(sections, with_output):
    """Each kind of captured output in the order of the phases; a section of another plugin belongs to none."""
    named = [(f"Captured {kind} {when}", text) for kind, when, text in sections]
    texts = texts_of_reports([make_report()], named, make_policy(), with_output=with_output)
    for kind, field in FIELDS.items():
        expected = "".join(text for one, _, text in sections if one == kind) if with_output else ""
        assert getattr(texts, field) == expected


@given(st.dictionaries(st.sampled_from(list(FIELDS)), st.integers(0, 3000)), st.integers(100, 2000))
def test_what_was_cut_is_known_by_size_and_digest(sizes, limit):
    """Of each text that is longer than its limit, and of no other."""
    whole = {kind: ("line\n" * size)[:size] for kind, size in sizes.items()}
    texts = output_texts("", [(f"Captured {kind}", text) for kind, text in whole.items()], make_policy(limit=limit))
    assert set(texts.truncated) == {FIELDS[kind] for kind, text in whole.items() if len(text) > limit}
    for kind, text in whole.items():
        was = texts.truncated.get(FIELDS[kind])
        shown = getattr(texts, FIELDS[kind])
        if was is None:
            assert shown == text
        else:
            assert (was.bytes, was.blake2b) == (len(text), blake2b(text.encode(), digest_size=16).hexdigest())
            assert len(shown) <= limit
            assert text.startswith(shown.partition("\n[...")[0])
            assert text.endswith(shown.rpartition("...]\n")[2])


def test_a_failure_has_a_limit_of_its_own():
    """The limit of captured sections does not cut the text of a failure, which has 64 KiB."""
    texts = output_texts("y" * 70_000, [("Captured log call", "x" * 200)], make_policy(limit=100))
    assert set(texts.truncated) == {"longreprtext", "caplog"}
    assert 64_000 < len(texts.longreprtext) <= 64 * 1024


def test_every_text_is_redacted_and_made_valid():
    """Failure, reason and each kind of output; the escape is noted."""
    secret = "password = Canary1xyz \ud800"
    report = make_report("call", "skipped", wasxfail=secret, longrepr="x", longreprtext=secret)
    sections = [(f"Captured {kind} call", secret) for kind in FIELDS]
    texts = texts_of_reports([report], sections, make_policy("all"), with_output=True)
    for field in ("longreprtext", "reason", *FIELDS.values()):
        assert getattr(texts, field) == "password = [redacted] \\ud800", field
    assert texts.lossy
    assert not texts_of_reports([make_report()], [], make_policy(), with_output=True).lossy
