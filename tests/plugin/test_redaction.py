"""Secrets are recognised in every notation and every field, and ordinary text stays as it is."""

import json
import re
import types
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_insight.eventlog.events import SESSION_EVENTS, Event, TestFinished, TestsAnnounced, TestStarted, Truncation
from pytest_insight.plugin.redaction import redactor as redact_module
from pytest_insight.plugin.redaction.events import NOT_TEXT, EventRedactor
from pytest_insight.plugin.redaction.key import KEY_FILE, RedactionKey
from pytest_insight.plugin.redaction.names import looks_secret, name_kind
from pytest_insight.plugin.redaction.redactor import CANDIDATES_MAX, KNOWN_MAX, Redactor
from pytest_insight.plugin.redaction.shapes import SHAPES
from pytest_insight.plugin.redaction.shortening import MARGIN_CHARS, redact_shortened

NAMES = [
    "password",
    "DB_PASSWORD",
    "token",
    "authToken",
    "api_key",
    "X-Api-Key",
    "clientSecret",
    "credential",
    "passphrase",
]
NOTATIONS = [
    "{n} = {v}",
    "{n}={v};x=1",
    "{n}: {v}",
    "{n}           = '{v}'",
    "'{n}': '{v}'",
    '{{"{n}": "{v}", "a": 1}}',
    '{{\\"{n}\\": \\"{v}\\"}}',
    '{{\\\\\\"{n}\\\\\\": \\\\\\"{v}\\\\\\"}}',
    "b'{n}': b'{v}'",
    "<{n}>{v}</{n}>",
    '<x name="{n}">{v}</x>',
    '<x key="{n}" value="{v}"/>',
    "export {n}={v}",
    "--{n} {v}",
    "--{n}={v}",
    "['cmd', '--{n}', '{v}']",
    "('{n}', '{v}')",
    "{n}\t{v}",
    "{n} is {v}",
    "{n} =\n    {v}\n",
    "{n}: |\n  {v}\n",
    "{n}=\x1b[32m{v}\x1b[0m",
    "\x1b[1m{n}\x1b[0m = \x1b[1;33m'{v}'\x1b[0m",
    "\\x1b[1m{n}\\x1b[0m=\\x1b[32m{v}",
    "h/?a=1&{n}={v}&b=2",
    "%3D&{n}%3D{v}",
    "def f({n}: str = '{v}'): ...",
    "headers['{n}'] = '{v}'",
    '{n} = """{v}"""',
    "line\\n{n}={v}\\n",
    "key: {n}={v}",
    "{n} := {v}",
    "{n} => '{v}'",
    "E       assert {n} == '{v}'",
]
INNOCENT = [
    "token_count = 3",
    "max_tokens = 4096",
    "keyboard: x",
    "key = name",
    "key = 'name'",
    "for key, value in items.items():",
    "sorted(rows, key=len)",
    "KeyError: 'name'",
    "monkey: banana",
    "primary_key=True",
    "tokenizer = BertTokenizer",
    "password_field: text",
    "password_length = 12",
    "secret: %s",
    "password=None",
    "token: str",
    "token = get_token()",
    "password=self.password",
    "the token is required",
    "author: Bob",
    "signal: 9",
    "pinned: yes",
    "bypass: 3",
    "3 passed, 1 failed in 0.12s",
    "PASSED tests/test_pass.py::test_pass",
    "tests/test_token.py::TestToken::test_secret[a-1]",
    "basic test of things",
    "bearer of news arrives",
    "ssh://git@github.com/owner/name",
    "https://host:8080/a/b@c",
    "git+ssh://git@host/x",
    "https://registry.example/@scope/name",
    "me@example.com",
    "risk-assessment-of-2024-things",
    "sk-learn",
    "npm_config_registry=https://r.example/",
    "dict_keys(['a', 'b'])",
    "E       AssertionError: assert 'a' == 'b'",
    "E         - yes\nE         + no",
    'File "/usr/lib/python3.11/tokenize.py", line 12, in generate_tokens',
    "src/auth/key.py:12: ValueError",
    "0123456789abcdef0123456789abcdef",
    "def test_key(key): assert key.startswith('k')",
    "<Signature (a, b=1)>",
    "compass: north",
    "session.auth = None",
]

VALUES = st.from_regex(r"[A-Z][a-z0-9]{5}[0-9][A-Za-z0-9]{3,20}", fullmatch=True)


@given(st.sampled_from(NAMES), st.sampled_from(NOTATIONS), VALUES, st.text("ab \n.", max_size=5))
def test_a_value_behind_a_name_never_survives(name, notation, value, around):
    """Any secret behind any name in any notation, between other text."""
    text = around + "\n" + notation.format(n=name, v=value) + "\n" + around
    assert value not in Redactor()(text)


@given(
    st.sampled_from([shape for shape in SHAPES if "-----" not in shape.example]),
    st.sampled_from(["{}", "got {} here", "'{}'", '"{}"', "x={}\n", "\x1b[32m{}\x1b[0m", "a\\n{}\\n", "({})", "[{}]"]),
)
def test_a_token_of_any_known_shape_never_survives(shape, around):
    """What follows the beginning of each token is gone in any surroundings."""
    secret = re.search(r"[A-Za-z0-9+/=.]{4,}$", shape.example.split("@")[0].split(" for ")[0].rstrip("\n;/ Path="))
    text = Redactor()(around.format(shape.example))
    assert secret is not None
    assert "[redacted]" in text
    assert secret[0] not in text


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.hint)
def test_each_pattern_finds_its_example_and_has_its_hint(shape):
    """A pattern and its hint belong together: what the pattern finds holds the hint."""
    found = re.search(shape.pattern, shape.example)
    assert found is not None
    assert shape.hint in shape.example.lower()


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_text_stays_as_it_is(text):
    """Everyday lines of tests, tracebacks and node ids are not changed."""
    assert Redactor()(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://me:CANARY/w1@h/db",
        "https://bob:CANARY@ss1@github.com/o/r.git",
        "https://CANARYonly1@host/x",
        "redis://:CANARY1x@h:6379/0",
        "jdbc:oracle:thin:me/CANARY1@h:1521",
        "me:CANARY1@host",
        "curl -u bob:CANARY1 http://x",
        "Authorization: Digest username=x, response=CANARY1",
        "Proxy-Authorization: CANARY1",
        "{'Authorization': 'Bearer CANARY1'}",
        "Cookie: a=b; sid=CANARY1; c=d",
        "cookies={'sid': 'CANARY1'}",
        "AccountName=x;AccountKey=CANARY1==;Endpoint=y",
        "Server=h;Uid=me;Pwd=CANARY1;",
        "-----BEGIN RSA PRIVATE KEY-----\nCANARY1\nCANARY2",
        "b'-----BEGIN PRIVATE KEY-----\\nCANARY1\\nCANARY2\\n'",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: 1\n\nCANARY1\n-----END PGP PRIVATE KEY BLOCK-----",
        "password='a' 'CANARY1'",
        'token="ab\\"CANARY1"',
        "pin=1234CANARY",
        "machine h login me password CANARY1x",
    ],
)
def test_secrets_known_by_their_surroundings(text):
    """URLs, headers, key blocks, connection strings."""
    assert "CANARY" not in Redactor()(text)


def test_a_comparison_without_the_name_is_recognised_by_its_source_line():
    """The values that an assertion compared are on other lines than the name."""
    text = ">       assert password == \"y1z\"\nE       AssertionError: assert 'CANARY1x' == 'y1z'\nE         - y1z\nE         + CANARY1x\n"
    redact = Redactor()
    assert "CANARY" not in redact(text)
    assert "CANARY" not in redact("FAILED test_a.py - AssertionError: assert 'CANARY1x' == 'y1z'")


def test_an_explanation_tells_the_name_behind_the_value():
    """`+  where 'X' = config.password` names what the line before it compared."""
    text = (
        ">       assert get(c) == 'y'\nE       assert 'CANARY1x' == 'y'\nE        +  where 'CANARY1x' = <C>.password\n"
    )
    assert "CANARY" not in Redactor()(text)


def test_what_is_replaced_once_is_not_replaced_again():
    """Redacting twice changes nothing, so that a text may pass several callers."""
    for notation in NOTATIONS:
        once = Redactor()(notation.format(n="password", v="Canary1x"))
        assert Redactor()(once) == once


# ------------------------------------------------------------------ events


def planted(annotation, canary):  # noqa: PLR0911 - one return for each kind of type
    """A value of a type, with the canary in each text of it; None if the type holds no text."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is str or annotation is typing.Any:
        return canary
    if origin is typing.Literal or annotation in (int, float, bool, type(None)) or annotation is Truncation:
        return None
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        fields = {field.name: planted(field.type, canary) for field in msgspec.structs.fields(annotation)}
        return annotation(**{name: value for name, value in fields.items() if value is not None})
    if origin in (typing.Union, types.UnionType):
        return next((value for arg in args if (value := planted(arg, canary)) is not None), None)
    if origin is list:
        inner = planted(args[0], canary)
        return None if inner is None else [inner]
    if origin is tuple:
        return tuple(planted(arg, canary) if planted(arg, canary) is not None else 0 for arg in args)
    if origin is dict:
        inner = planted(args[1], canary)
        return {canary: 0 if inner is None else inner} if args[0] is str else None
    raise AssertionError(f"no rule for {annotation}: does it hold text?")


@pytest.mark.parametrize("cls", SESSION_EVENTS, ids=lambda cls: cls.__name__)
def test_every_text_of_every_event_type_is_redacted(cls: type[Event], tmp_path):
    """A canary in every field that can hold one, whatever fields there are or will be."""
    canary = "token=CanaryCanary1"
    event = None
    fields = {}
    for field in msgspec.structs.fields(cls):
        value = planted(field.type, canary)
        if field.name in NOT_TEXT or value is None:
            value = {str: "", int: 1}.get(field.type) if field.required else None
            if value is None:
                if field.required:
                    value = "passed"
                else:
                    continue
        fields[field.name] = value
    event = cls(**fields)
    clean = EventRedactor(Redactor(), RedactionKey(tmp_path))(event)
    assert "Canary" not in msgspec.json.encode(clean).decode()
    assert len(fields) < 2 or "redacted" in msgspec.json.encode(clean).decode() or canary not in str(fields)


def test_node_ids_keep_one_identity(tmp_path):
    """The same secret gets the same digest in each event and each run of one home, another secret another one."""
    nodeid = "test_a.py::test_a[password=CanaryCanary1]"
    first = EventRedactor(Redactor(), RedactionKey(tmp_path))
    announced = first(TestsAnnounced(nodeids=[nodeid, nodeid.replace("1]", "2]"), "test_a.py::test_b"]))
    started = first(TestStarted(nodeid=nodeid))
    again = EventRedactor(Redactor(), RedactionKey(tmp_path))(TestStarted(nodeid=nodeid))
    assert started.nodeid == announced.nodeids[0] == again.nodeid
    assert re.fullmatch(r"test_a\.py::test_a\[password=<redacted:[0-9a-f]{8}>\]", started.nodeid)
    assert len(set(announced.nodeids)) == 3
    assert announced.nodeids[2] == "test_a.py::test_b"
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    other = EventRedactor(Redactor(), RedactionKey(tmp_path / "other"))(TestStarted(nodeid=nodeid))
    assert other.nodeid != started.nodeid


def test_no_key_is_made_without_a_secret(tmp_path):
    """Ordinary runs leave no file behind."""
    event = TestStarted(nodeid="test_a.py::test_a[token-1]")
    assert EventRedactor(Redactor(), RedactionKey(tmp_path))(event) is event
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_hold_a_key_does_not_stop_recording(tmp_path):
    """The digest is still there, and still the same within the process."""
    (tmp_path / "home").write_text("a file")
    key = RedactionKey(tmp_path / "home")
    assert key.digest("x") == key.digest("x") != key.digest("y")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([("token", "abcdef")], [["token", "[redacted]"]]),
        ([("conf", {"db": {"password": "abcdef"}})], [["conf", {"db": {"password": "[redacted]"}}]]),
        (
            [("conf", [{"name": "password", "value": "abcdef"}])],
            [["conf", [{"name": "password", "value": "[redacted]"}]]],
        ),
        ([("pin", 12345)], [["pin", "[redacted]"]]),
        ([("secrets", ["abcdef", "ghijkl"])], [["secrets", ["[redacted]", "[redacted]"]]]),
        ([("tokens", 12345)], [["tokens", 12345]]),
        ([("note", "fine"), ("count", 3), ("ok", True)], [["note", "fine"], ["count", 3], ["ok", True]]),
    ],
)
def test_properties_are_redacted_by_their_keys(properties, expected):
    """A key names its value, however deep it lies."""
    event = TestFinished(nodeid="a", outcome="passed", user_properties=properties)
    clean = EventRedactor(Redactor())(event)
    assert json.loads(msgspec.json.encode(clean.user_properties)) == expected


def test_a_user_pattern_reaches_every_field_but_not_the_proof_of_the_log():
    """A pattern for hex digits would otherwise destroy the root digest of the seal."""
    redactor = EventRedactor(Redactor(["[0-9a-f]{32}"]))
    digest = "0123456789abcdef" * 2
    seal = SESSION_EVENTS[[cls.__name__ for cls in SESSION_EVENTS].index("SessionFinished")]
    clean = redactor(seal(exit_status=0, count=1, root=digest, interrupted=digest))
    assert (clean.root, clean.interrupted) == (digest, "[redacted]")


# ------------------------------------------------------------------ bounds


@given(
    st.integers(0, 400),
    st.sampled_from(["password='{}'", "ghp_{}", "token: {}\n", "-----BEGIN PRIVATE KEY-----\n{}\n"]),
)
def test_a_secret_at_the_cut_leaves_no_half_behind(offset, notation):
    """Wherever head or tail end, no part of a secret across the cut is left."""
    secret = "Canary1x" * 12
    limit = 2000
    filler = "lorem ipsum\n" * 10_000
    planted_text = notation.format(secret)
    for cut in (limit // 2 - 32, len(filler) - limit // 2 + 32):
        text = filler[: cut - offset] + "\n" + planted_text + "\n" + filler[cut - offset :]
        short, was, _ = redact_shortened(Redactor(), text, limit)
        assert "Canary" not in short
        assert was is not None
        assert len(short) < limit + 100


def test_only_what_is_kept_is_looked_into():
    """The redactor never sees more than head, tail and their margins of a long text."""
    seen = []

    class Counting(Redactor):
        def __call__(self, text):
            seen.append(len(text))
            return super().__call__(text)

    _, was, _ = redact_shortened(Counting(), "x" * 10_000_000, 4096)
    assert sum(seen) <= 4096 + 2 * MARGIN_CHARS
    assert was is not None
    assert was.bytes == 10_000_000


def test_a_text_with_too_many_names_is_still_redacted_to_its_end():
    """Beyond the number of places that are judged one by one, everything that looks like a named value goes."""
    text = "token: none\n" * (CANDIDATES_MAX + 10) + "password = Canary1x"
    assert "Canary" not in Redactor()(text)


def test_remembered_values_are_bounded():
    """Only the newest are looked for: each costs time in every text."""
    redact = Redactor()
    for number in range(KNOWN_MAX * 2):
        redact(f"password = Canary{number}xyz")
    assert len(redact.known) == KNOWN_MAX


def test_every_repetition_of_a_pattern_is_bounded_or_possessive():
    """What may repeat without bound and be tried again in pieces makes the time grow faster than the text."""
    for shape in SHAPES:
        bare = re.sub(r"\[(?:\\.|[^\]\\])+\]|\\.", "c", shape.pattern)
        assert re.findall(r"(?:\*|\+|,\})(?!\+)(?<!\+\+)", re.sub(r"[*+}]\+", "", bare)) == [], shape.pattern


@pytest.mark.parametrize(("value", "expected"), [("abc123", True), ("1234", True), ("name", False), ("Canary", False)])
def test_what_looks_like_a_secret(value, expected):
    """Letters with digits, numbers of four digits."""
    assert looks_secret(value) is expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MY_TOKEN", "strong"),
        ("accountKey", "strong"),
        ("key", "weak"),
        ("userPin", "weak"),
        ("monkey", ""),
        ("tokenizer", ""),
    ],
)
def test_kinds_of_names(name, kind):
    """Strong names make any value a secret, weak ones only what looks like one."""
    assert name_kind(name) == kind


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.hint)
def test_the_hint_of_a_shape_is_found_in_a_long_text_of_other_characters(shape):
    """Which hints are looked for in a long text depends on its characters: none is missed, in upper case as well."""
    text = f"{'~' * 30_000}\n{shape.hint.upper()}"
    found = []
    redact = Redactor()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redact_module, "_substitute", lambda pattern, _show, _mark, text: found.append(pattern) or text)
        redact.replace(text, lambda _: "")
    assert shape.pattern in found
