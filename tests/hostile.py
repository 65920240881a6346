"""Logs from strangers: lines and files that are whole and cannot be, and all commands that read or write a log."""

import contextlib
import hashlib
import io
import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pytest_insight.cli.app import run

AT = "2026-11-20T01:02:03.000000Z"
GOOD, BAD = "a" * 32, "b" * 32


def sealed(body: bytes) -> bytes:
    """Return a line with the right digest of its body."""
    return body + b',"digest":"' + hashlib.blake2b(body, digest_size=16).hexdigest().encode() + b'"}\n'


def head(kind: str, seq: int, at: str = AT, version: int = 1, stream: str = BAD) -> bytes:
    """Return the first keys of a line."""
    return f'{{"v":{version},"type":"{kind}","stream":"{stream}","seq":{seq},"at":"{at}"'.encode()


def line(kind: str, seq: int, fields: str | bytes = "", at: str = AT, version: int = 1, stream: str = BAD) -> bytes:
    """Return a whole line with these fields, written as they are."""
    tail = fields if isinstance(fields, bytes) else fields.encode()
    return sealed(head(kind, seq, at, version, stream) + (b"," + tail if tail else b""))


def session(stream: str = GOOD, test: str = "test_good.py::test_good", at: str = AT) -> bytes:
    """Return the lines of a small session that is as it should be."""
    phases = '"phases":{"setup":1,"call":3,"teardown":1}'
    lines = [
        line("session.started", 0, f'"session_id":"{stream[:12]}","sut":"shop"', at, stream=stream),
        line("test.started", 1, f'"nodeid":"{test}"', at, stream=stream),
        line("test.finished", 2, f'"nodeid":"{test}","outcome":"passed","duration_us":5,{phases}', at, stream=stream),
    ]
    root = hashlib.blake2b("".join(text[-35:-3].decode() for text in lines).encode(), digest_size=16).hexdigest()
    lines.append(line("session.finished", 3, f'"exit_status":0,"count":3,"root":"{root}"', at, stream=stream))
    return b"".join(lines)


_FINISHED = '"nodeid":"t.py::a","outcome":"passed"'
_STARTED = '"session_id":"bbbb","sut":"shop"'
_TIMES = {
    "leap second": "2026-06-30T23:59:60.000000Z",
    "month 99": "2026-99-01T00:00:00.000000Z",
    "month 0": "2026-00-01T00:00:00.000000Z",
    "day 31 of February": "2026-02-31T00:00:00.000000Z",
    "hour 24": "2026-01-01T24:00:00.000000Z",
    "minute 60": "2026-01-01T00:60:00.000000Z",
    "year 0": "0000-01-01T00:00:00.000000Z",
    "year 1": "0001-01-01T00:00:00.000000Z",
    "year 9999": "9999-12-31T23:59:59.999999Z",
    "no microseconds": "2026-01-01T00:00:00Z",
    "an offset": "2026-01-01T00:00:00.000000+02:00",
    "no time": "yesterday",
}
_FINISHED_FIELDS = {
    "NaN": f'{_FINISHED},"duration_us":NaN',
    "infinity": f'{_FINISHED},"duration_us":Infinity',
    "1e999": f'{_FINISHED},"x":1e999',
    "negative duration": f'{_FINISHED},"duration_us":-5',
    "huge duration": f'{_FINISHED},"duration_us":{2**62}',
    "duration beyond 64 bit": f'{_FINISHED},"duration_us":{2**70}',
    "number of 5000 digits": f'{_FINISHED},"x":{"9" * 5000}',
    "duration as text": f'{_FINISHED},"duration_us":"5"',
    "duration with a fraction": f'{_FINISHED},"duration_us":5.5',
    "negative phase": f'{_FINISHED},"phases":{{"call":-5}}',
    "huge phase": f'{_FINISHED},"phases":{{"call":{2**70}}}',
    "phase as text": f'{_FINISHED},"phases":{{"call":"x"}}',
    "phases as a list": f'{_FINISHED},"phases":[1]',
    "huge attempt": f'{_FINISHED},"attempt":{2**63}',
    "negative attempt": f'{_FINISHED},"attempt":-1',
    "unknown outcome": '"nodeid":"t.py::a","outcome":"perfect"',
    "outcome as a number": '"nodeid":"t.py::a","outcome":1',
    "no node id": '"outcome":"passed"',
    "node id as a number": '"nodeid":5,"outcome":"passed"',
    "node id null": '"nodeid":null,"outcome":"passed"',
    "started at a leap second": f'{_FINISHED},"started_at":"2026-06-30T23:59:60.000000Z"',
    "started without an offset": f'{_FINISHED},"started_at":"2026-06-30T23:59:00"',
    "started in the year 1": f'{_FINISHED},"started_at":"0001-01-01T00:00:00.000000+14:00"',
    "started at nothing": f'{_FINISHED},"started_at":"x"',
    "longreprtext as a list": f'{_FINISHED},"longreprtext":["x"]',
    "properties as a text": f'{_FINISHED},"user_properties":"x"',
    "property of one": f'{_FINISHED},"user_properties":[["x"]]',
    "tags with numbers": f'{_FINISHED},"tags":{{"a":1}}',
    "900 lists": f'{_FINISHED},"x":{"[" * 900}{"]" * 900}',
    "900 lists in a property": f'{_FINISHED},"user_properties":[["x",{"[" * 900}{"]" * 900}]]',
    "100000 lists": f'{_FINISHED},"x":{"[" * 100000}{"]" * 100000}',
    "900 objects": _FINISHED + ',"x":' + '{"a":' * 900 + "1" + "}" * 900,
    "a key twice": f'{_FINISHED},"nodeid":"t.py::b"',
    "seq twice": f'{_FINISHED},"seq":7',
    "type twice": f'{_FINISHED},"type":"session.started"',
    "an unfinished text": f'{_FINISHED},"x":"',
    "a broken escape": f'{_FINISHED},"x":"\\q"',
    "half a surrogate pair": f'{_FINISHED},"x":"\\ud800"',
    "an open object": f'{_FINISHED},"x":{{',
    "a control character": f'{_FINISHED},"x":"\x01"',
    "null as outcome of a phase": f'{_FINISHED},"phase_outcomes":{{"call":null}}',
    "cause as a text": f'{_FINISHED},"cause":"x"',
    "crashed as a number": f'{_FINISHED},"crashed":1',
}
_OTHER = {
    "header without a name": line("session.started", 0, '"sut":"shop"'),
    "header with a number as its name": line("session.started", 0, '"session_id":5,"sut":"shop"'),
    "header with 900 lists": line("session.started", 0, f'{_STARTED},"x":{"[" * 900}{"]" * 900}'),
    "header with a huge number": line("session.started", 0, f'{_STARTED},"workers":{2**70}'),
    "header with tags of lists": line("session.started", 0, f'{_STARTED},"tags":{{"a":[]}}'),
    "header with a text as vcs": line("session.started", 0, f'{_STARTED},"vcs":"x"'),
    "header with ci of numbers": line("session.started", 0, f'{_STARTED},"ci":[1]'),
    "announced numbers": line("tests.announced", 1, '"nodeids":[1,2]'),
    "seal with a text as its status": line("session.finished", 1, '"exit_status":"x","count":1,"root":""'),
    "seal with a huge status": line("session.finished", 1, f'"exit_status":{2**64},"count":1,"root":""'),
    "seal with a huge count": line("session.finished", 1, f'"exit_status":0,"count":{2**62},"root":""'),
    "seal with a negative duration": line(
        "session.finished", 1, f'"exit_status":0,"count":1,"root":"","duration_us":-{2**61}'
    ),
    "clears a number": line("session.cleared", 0, '"target":5'),
    "purges what is no digest": line("events.purged", 0, '"lines":[["x",-1,"zz"]]'),
    "purges a text": line("events.purged", 0, '"streams":"x"'),
    "seq of 15 digits": line("test.started", 10**15 - 1, '"nodeid":"t.py::a"'),
    "unknown type with NaN": line("future.thing", 0, '"x":NaN'),
    "unknown type with 900 lists": line("future.thing", 0, f'"x":{"[" * 900}{"]" * 900}'),
    "unknown type": line("future.thing", 0, '"x":[1,{"y":2}]'),
    "newer format": line("session.started", 0, '"novel":1', version=2),
    "format 999999999": line("session.started", 0, '"novel":1', version=999999999),
    "no UTF-8": line("test.finished", 1, b'"nodeid":"\xff\xfe","outcome":"passed"'),
    "no UTF-8 in a text": line("test.finished", 1, _FINISHED.encode() + b',"longreprtext":"\x80"'),
    "keys in another order": sealed(b'{"v":1,"stream":"' + BAD.encode() + b'","type":"test.started","seq":1'),
    "no JSON at all": sealed(b'{"v":1,"type":"test.started'),
    "a list": sealed(b"[1"),
    "nothing but a digest": sealed(b'{"v":1,'),
    "zeros": b"\0" * 100 + b"\n",
    "a wrong digest": line("test.started", 1, '"nodeid":"t.py::a"').replace(b"t.py::a", b"t.py::b"),
    "a torn end": line("test.started", 1, '"nodeid":"t.py::a"')[:-20],
    "blank lines": b"\n\n \n",
    "a byte order mark": b"\xef\xbb\xbf" + line("test.started", 1, '"nodeid":"t.py::a"'),
    "carriage returns": line("test.started", 1, '"nodeid":"t.py::a"').replace(b"\n", b"\r\n"),
}
KINDS: dict[str, bytes] = {
    **{f"at: {name}": line("session.started", 0, _STARTED, at) for name, at in _TIMES.items()},
    **{f"finished: {name}": line("test.finished", 1, fields) for name, fields in _FINISHED_FIELDS.items()},
    **_OTHER,
}
"""Hostile bytes by name; each begins and ends at the end of a line, but the torn one."""

REPORTED = [name for name in KINDS if name not in ("unknown type", "finished: half a surrogate pair")]

READING = [
    "session list", "session show last", "session show aaaaaaaaaaaa", "session show aaaaaaaaaaaa --json",
    "session compare aaaaaaaaaaaa cccccccccccc", "session play last", "session rerun last --dry-run",
    "test list", "test show test_good.py::test_good", "test history test_good.py::test_good", "test trends test_good.py::test_good",
    "sut list", "sut show shop", "sut compare shop shop", "sut analyze shop", "history list",
    "analytics summary", "analytics compare --base aaaaaaaaaaaa --target cccccccccccc", "analytics analyze", "analytics failures",
    "tail", "tail {log}", "tail {log} --json --sessions 99", "log verify", "log verify {log} --json", "log info {log}",
    "profile list", "profile show default", "replay --check",
    "export out.json", "export out.csv", "export out.jsonl", "merge {log} -o out2.jsonl", "merge {log} -n",
    "import {log} -n -p other", "import {log} -p other", "log pack --older-than 0s -n", "log repair -n",
    "log purge --session aaaaaaaaaaaa -n", "log purge --regex nothing-like-it -n",
]  # fmt: skip
"""Commands that leave the profile as it is."""

WRITING = [
    "clear cccccccccccc --force", "restore cccccccccccc", "log pack --older-than 0s", "log unpack",
    "log purge --regex test_other --force", "log purge --session cccccccccccc --force", "log repair", "session list",
    "log verify", "replay",
]  # fmt: skip
"""Commands that change it, in order; the log is clean behind `log repair`."""


class Answer(NamedTuple):
    """How a command ended."""

    command: str
    code: int
    out: str
    error: str
    """The traceback, if there was one."""


def ask(command: str, log: Path) -> Answer:
    """Run a command in this process."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    error = ""
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            code = run([part.replace("{log}", str(log)) for part in command.split()])
        except Exception:  # the very thing that is looked for
            code, error = 99, traceback.format_exc()
    out.seek(0)
    return Answer(command, code, out.read(), error)


def make_profile(home: Path, hostile: bytes) -> Path:
    """Make a home whose default profile has two good sessions with hostile bytes between them."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "default.jsonl"
    between = hostile if hostile.endswith(b"\n") else hostile + b"\n"
    log.write_bytes(session() + between + session("c" * 32, "test_other.py::test_other"))
    return log


def failures(folder: Path, hostile: bytes, commands: list[str], set_home: Callable[[Path], None]) -> list[str]:
    """Return what went wrong when these commands were run on a profile with hostile bytes."""
    set_home(folder / "home")
    log = make_profile(folder / "home", hostile)
    found: list[str] = []
    before = os.getcwd()
    os.chdir(folder)
    try:
        for command in commands:
            answer = ask(command, log)
            if answer.error or answer.code not in (0, 1, 3):
                found.append(f"{command}: exit {answer.code}: {(answer.error or answer.out)[-600:]}")
            elif (
                command in ("session list", "test list")
                and "good" not in answer.out
                and "aaaaaaaaaaaa" not in answer.out
            ):
                found.append(f"{command}: the good session is not answered: {answer.out[-300:]}")
            for name in ("out.json", "out.csv", "out.jsonl", "out2.jsonl"):
                Path(name).unlink(missing_ok=True)
    finally:
        os.chdir(before)
    return found


def read_json(text: str) -> object:
    """Return the JSON document in what a command printed."""
    return json.loads(text[text.index("[") :])
