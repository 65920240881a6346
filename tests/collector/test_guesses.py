"""Keys cannot be guessed: every wrong one is refused, very many are slowed down, and right ones work meanwhile."""

import secrets

import pytest
from collectors import make_key
from pytest_insight.collector.access import keys
from pytest_insight.collector.access.lookup import KeyLookup
from pytest_insight.collector.problems import ProblemError

GUESSES, ANSWERED = 120, 50


def guesses(right):
    """Keys of a known id: with another end, another beginning, and random ones; and random ids."""
    head, secret = right[:12], right[12:]
    for number in range(GUESSES):
        wrong = secrets.token_urlsafe(32)
        keep = number % 43
        yield head + (secret[:keep] + wrong[keep:] if number % 2 else wrong[:keep] + secret[keep:])[:43]


def answer_of(lookup, text):
    """Kind of the problem with a key, or the id of a right one."""
    try:
        return lookup.find(f"Bearer {text}").id
    except ProblemError as problem:
        return problem.kind


def test_wrong_keys_are_refused_and_slowed_down_and_right_ones_are_not(engine):
    """The first ones are answered with 401 and all others with 429; the right key works before and afterwards."""
    right = make_key(engine)
    lookup = KeyLookup(engine, cache_s=0, guesses=ANSWERED)
    wrong = [text for text in guesses(right) if text != right]
    assert answer_of(lookup, right) == right[3:11]
    answers = [answer_of(lookup, text) for text in wrong]
    assert set(answers[:ANSWERED]) == {"bad-key"}
    assert set(answers[ANSWERED:]) <= {"bad-key", "too-many-requests"}
    assert answers.count("too-many-requests") > len(wrong) // 3
    assert answer_of(lookup, right) == right[3:11]


def test_a_secret_is_compared_by_hashes_of_one_length_without_an_early_end(engine, monkeypatch):
    """However much of a secret is right, the comparison gets two hashes of 32 bytes; it is that of the standard library."""
    from hmac import compare_digest

    right = make_key(engine)
    compared = []

    def compare(first, second):
        compared.append((bytes(first), bytes(second)))
        return compare_digest(first, second)

    assert keys.compare_digest is compare_digest
    monkeypatch.setattr(keys, "compare_digest", compare)
    lookup = KeyLookup(engine, cache_s=0)
    texts = [right, *list(guesses(right))[:20]]
    for text in texts:
        answer_of(lookup, text)
    assert len(compared) == len(texts)
    assert {len(side) for pair in compared for side in pair} == {32}
    assert len({first for first, _ in compared} | {second for _, second in compared}) == len(set(texts))


@pytest.mark.parametrize("text", ["", "ik_", "ik_00000000_" + "A" * 42, "x" * 5000, "ik_00000000_" + "A" * 43 + "\n1"])
def test_what_is_no_key_is_refused(engine, text):
    """Texts of another form are refused as wrong keys are."""
    assert answer_of(KeyLookup(engine), text) == "bad-key"
