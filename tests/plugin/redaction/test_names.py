"""Names that make the value after them a secret: the tables of names, suffixes and values, written out by hand."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.plugin.redaction.names import (
    HINTS,
    PATTERN,
    STRONG,
    VALUE_MIN,
    WEAK,
    candidate_pattern,
    is_about,
    is_value,
    kind_at,
    looks_secret,
    name_kind,
)

KINDS = {
    "strong": (
        "password passwd passwort passphrase pass_phrase pass-phrase passcode pwd secret token credential credentials"
        " DB_PASSWORD authToken clientSecret csrf_tokens api_key apiKey API-KEY accessKey private_key secretKey"
        " account-key encryption_key signing_key master_key storagekey deploy_key license_key subscription_key hmac_key"
        " jwt_key ssh_key password2 password_old tokens_old secret_v1 token-1"
    ),
    "weak": (
        "key keys auth signature sig pin pass sid session_id sessionid session-id otp pw user_pin my-key x.sid userPin"
        " requestSig fooKey appAuth usersOtps"
    ),
    "": (
        "monkey keyboard author pinned signal compass bypass tokenizer tokenized tokens_count token_type password_field"
        " password_length secret_name tokenless credential_file token_url token_expires_in secretary primary_keyring"
        " foreign_keys_on passed side x name value"
    ),
}
WORDS = "password passcode pwd secret token credential key auth sig pin pass sid otp pw"


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_strong_weak_or_none(kind):
    """As a key of a dictionary, and in a text before an equals sign: both ways judge alike."""
    for name in KINDS[kind].split():
        assert name_kind(name) == kind, name
        text = f"x {name} = 'v4lu3'"
        found = ""
        for match in re.finditer(candidate_pattern(text.lower()) or "(?!)", text.lower()):
            named = re.compile(PATTERN).match(text, match.start())
            found = found or (named and kind_at(text, match.start(), named["name"], named["suffix"])) or ""
        assert found == kind, name


def test_only_the_end_of_a_long_name_is_looked_at():
    """The name of a value may be any text; 100 characters decide."""
    assert name_kind("password" + "x" * 5000) == ""
    assert name_kind("x" * 5000 + "_password") == "strong"


@pytest.mark.parametrize("word", WORDS.split())
def test_every_name_begins_with_a_hint(word):
    """A text without a hint is not searched for names at all."""
    assert re.fullmatch(rf"(?i){STRONG}|{WEAK}", word)
    assert any(word.startswith(hint) for hint in HINTS)
    assert candidate_pattern(f"x {word.upper()}=1".lower())


@pytest.mark.parametrize(
    ("suffix", "about"),
    [
        ("", False), ("s", False), ("S", False), ("_1", False), ("_old", False), ("Value", False), ("_value", False),
        ("izer", True), ("ized", True), ("_count", True), ("s_count", True), ("s_old", False), ("Type", True), ("-file", True),
        ("_len", True), ("_expires_in", True), ("_test_12", True), ("_test_1234", False), ("less", True), ("x", True),
        ("_counter", False),
    ],
)  # fmt: skip
def test_a_suffix_tells_that_a_value_is_about_a_secret(suffix, about):
    """`token_count` is a number; `token_old` is a token."""
    assert is_about(suffix) is about


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("abc123", True), ("12345a", True), ("abc12", False), ("1234", True), ("123", False), ("abcdefgh", False),
        ("abCdefgh", True), ("abCdef", False), ("ValueError", False), ("HTTPServer", True), ("ALLCAPITALS", False),
        ("'abc123'", True), ('b"1234"', True), ("", False), ("______", False), ("-1-2-3-a", True),
    ],
)  # fmt: skip
def test_a_secret_looks_like_letters_with_digits_or_mixed_case(value, secret):
    """Words, names of classes and short numbers are everyday text; quotes around a value do not count."""
    assert looks_secret(value) is secret


@pytest.mark.parametrize("kind", ["strong", "weak"])
@pytest.mark.parametrize(
    "value",
    [
        "", "ab", "None", "null", "TRUE", "false", "required", "missing.", "string", "%s", "%(name)s", "{x}", "${TOKEN}",
        "$TOKEN", "***", "xxxx", "...", "[redacted]", "<redacted:12ab>", "[... cut",
    ],
)  # fmt: skip
def test_placeholders_and_everyday_words_are_no_secret(kind, value):
    """After any name, in any case, with the end of a sentence."""
    assert not is_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "value", "plural", "loose", "expected"),
    [
        ("strong", "abc", False, False, True),
        ("strong", "abc", False, True, False),
        ("strong", "abc123", False, True, True),
        ("strong", "123", True, False, False),
        ("strong", "123", False, False, True),
        ("strong", "12a", True, False, True),
        ("weak", "abcdef", False, False, False),
        ("weak", "abc123", False, False, True),
        ("weak", "1234", True, False, False),
    ],
)
def test_a_value_counts_by_its_name_and_notation(kind, value, plural, loose, expected):
    """Any value of a strong name, unless the notation is that of prose; a number after a plural is a count."""
    assert is_value(kind, value, plural=plural, loose=loose) is expected
    assert VALUE_MIN == 3


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_a_text_without_a_hint_has_no_candidates(text):
    """So that most texts cost one search for each hint."""
    has_hint = any(hint in text.lower() for hint in HINTS)
    assert bool(candidate_pattern(text.lower())) == has_hint
