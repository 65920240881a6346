"""Convert a session document (JSON) to events: a file of the earlier plugin, or an export.

Pure: a document in, lines out. The stream is a digest of the document's content, and the lines depend on the document
alone, so the same session converted twice, on any machine, gives the same events.

Rules for old files: naive times are local time; outcomes may have any case, a missing one is `skipped`; results in
any order (old files are sorted by outcome) are put in order of their start; an attempt that is listed twice, as
rerun groups repeat them, counts once; an `error` after the verdict of the same attempt is the error of its teardown,
not a rerun; durations that are no number (NaN) are taken from the times.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, cast

import msgspec

from ..codec import encode_event, line_digest, line_hash
from ..events import (
    Event,
    Outcome,
    OutputRecorded,
    SessionFinished,
    SessionStarted,
    TestFinished,
    TestsAnnounced,
    TestStarted,
    Vcs,
    WarningRecorded,
)
from ..format import DIGEST_SIZE, SUFFIX_SIZE
from ..outcome import KNOWN
from ..times import TimeFormatter, format_time
from .fields import (
    DocumentError,
    duration_us_of,
    list_at,
    object_at,
    output_sections,
    text_of,
    text_values_at,
    texts_at,
    time_us_of,
)

CONVERSION_VERSION = 1
"""Rises when the same document would give other lines; part of the digest that names the stream."""

_NO_STREAM = "0" * 32
_TEXTS = ("longreprtext", "capstdout", "capstderr", "caplog")
_ANNOUNCED_TEXT_MAX = 100_000
_OUTPUT_TEXT_MAX = 50_000
_UNKNOWN_SUT = "unknown-sut"
_EXIT_FAILED, _EXIT_NO_TESTS = 1, 5


class StreamLines(NamedTuple):
    """All lines of a stream."""

    stream: str
    label: str
    """The `session_id` of its header."""
    sut: str
    started_us: int
    lines: list[bytes]
    """With their newlines, in order of `seq`."""


class _Result(NamedTuple):
    nodeid: str
    outcome: Outcome
    start_us: int
    duration_us: int
    texts: dict[str, str]
    has_warning: bool
    category: str = ""
    """Name of the outcome, if only another plugin knows it."""


class _Attempt(NamedTuple):
    number: int
    result: _Result
    teardown: _Result | None


class _Dated(NamedTuple):
    at_us: int
    event: Event


def convert_session(document: object, *, keep_order: bool = False) -> StreamLines:
    """Return the events of a session document, as `TestSession.to_dict` and the earlier plugin write it.

    Args:
        document: the session.
        keep_order: keep the results in the order in which they are given, and not in order of their start.

    Raises:
        DocumentError: something that is needed is missing or is not what it should be.
    """
    fields = object_at(document, "$")
    given = _results(fields)
    results = sorted(given, key=lambda result: result.start_us)
    start_us = _session_start(fields, results)
    duration_us = _session_duration(fields, start_us, results)
    header = _header(fields, results)
    attempts = _attempts(results)
    if keep_order:
        places = {id(result): place for place, result in enumerate(given)}
        attempts.sort(key=lambda attempt: places[id(attempt.result)])
    dated = [_Dated(start_us, header), *_body(fields, start_us, results, attempts)]
    seal = _seal(fields, duration_us, results)
    end_us = max(start_us + duration_us, dated[-1].at_us)
    stream, lines = _lines(dated, seal, end_us)
    return StreamLines(stream, header.session_id, header.sut, start_us, lines)


# ------------------------------------------------------------------ events


def _header(fields: Mapping[str, Any], results: list[_Result]) -> SessionStarted:
    label = fields.get("session_id")
    if not isinstance(label, str) or not label:
        text = json.dumps([list(result[:4]) for result in results] + [str(fields.get("session_start_time"))])
        label = "imported-" + blake2b(text.encode(), digest_size=6).hexdigest()
    vcs = fields.get("vcs")
    return SessionStarted(
        session_id=label,
        sut=str(fields.get("sut_name") or _UNKNOWN_SUT),
        testing_system=text_values_at(fields.get("testing_system"), "$.testing_system"),
        tags=text_values_at(fields.get("session_tags"), "$.session_tags"),
        ci=text_values_at(fields.get("ci"), "$.ci"),
        vcs=_vcs(cast("dict[str, Any]", vcs)) if isinstance(vcs, dict) and vcs else None,
        output="all",
        writer={"source": "document"},
    )


def _vcs(fields: Mapping[str, Any]) -> Vcs:
    dirty = fields.get("dirty")
    texts = {name: str(fields.get(name) or "") for name in ("commit", "branch", "remote")}
    return Vcs(**texts, dirty=dirty if isinstance(dirty, bool) else None)


def _body(
    fields: Mapping[str, Any], start_us: int, results: list[_Result], attempts: list[_Attempt]
) -> Iterator[_Dated]:
    running = texts_at(fields.get("running"), "$.running")
    not_run = texts_at(fields.get("not_run"), "$.not_run")
    at_us = start_us
    if running or not_run:
        promised = list(dict.fromkeys([*(result.nodeid for result in results), *running, *not_run]))
        for nodeids in _chunks(promised):
            yield _Dated(at_us, TestsAnnounced(nodeids=nodeids))
    for attempt in attempts:
        last = attempt.teardown or attempt.result
        at_us = max(at_us, last.start_us + last.duration_us)
        if attempt.result.has_warning or last.has_warning:
            yield _Dated(at_us, WarningRecorded(category="", message="", nodeid=attempt.result.nodeid, when="runtest"))
        yield _Dated(at_us, _finished_event(attempt))
    for nodeid in running:
        yield _Dated(at_us, TestStarted(nodeid=nodeid))
    for name, text in output_sections(fields.get("output_fields")):
        for part, piece in enumerate(_pieces(text)):
            yield _Dated(at_us, OutputRecorded(name=name, content=piece, part=part))


_PHASE: dict[Outcome, Literal["setup", "call"]] = {"error": "setup", "skipped": "setup"}
"""Phase of an outcome without further information; the others come from the call."""


def _finished_event(attempt: _Attempt) -> TestFinished:
    number, result, teardown = attempt
    phase = _PHASE.get(result.outcome, "call")
    phases: dict[str, int] = {phase: result.duration_us}
    outcomes: dict[str, str] = {} if result.outcome == "passed" else {phase: result.category or result.outcome}
    texts = dict(result.texts)
    duration_us, outcome = result.duration_us, result.outcome
    if teardown is not None:
        phases["teardown"], outcomes["teardown"] = teardown.duration_us, "error"
        duration_us, outcome = duration_us + teardown.duration_us, "error"
        texts = {name: "\n".join(filter(None, (texts[name], teardown.texts[name]))) for name in _TEXTS}
    event = TestFinished(
        nodeid=result.nodeid,
        outcome=outcome,
        category=result.category if outcome == "other" else "",
        attempt=number,
        started_at=format_time(result.start_us),
        duration_us=duration_us,
        phases=phases,
        phase_outcomes=outcomes,
    )
    return msgspec.structs.replace(event, **texts)


def _attempts(results: list[_Result]) -> list[_Attempt]:
    """Put the results of each test together to attempts, in order of their start."""
    open_: dict[str, _Attempt] = {}
    done: list[_Attempt] = []
    for result in results:
        known = open_.get(result.nodeid)
        ended = known is not None and known.teardown is None and known.result.outcome not in ("rerun", "error")
        if known is not None and ended and result.outcome == "error":
            open_[result.nodeid] = known._replace(teardown=result)
            continue
        if known is not None:
            done.append(known)
        open_[result.nodeid] = _Attempt(known.number + 1 if known else 1, result, None)
    return sorted([*done, *open_.values()], key=lambda attempt: attempt.result.start_us)


def _seal(fields: Mapping[str, Any], duration_us: int, results: list[_Result]) -> SessionFinished | None:
    """The end of the session; None if it is known to have been interrupted."""
    if fields.get("status") == "interrupted":
        return None
    status = fields.get("exit_status")
    if not isinstance(status, int) or isinstance(status, bool):
        # What pytest itself makes of these outcomes; old files do not tell.
        failed = any(result.outcome in ("failed", "error") for result in results)
        status = _EXIT_FAILED if failed else 0 if results else _EXIT_NO_TESTS
    return SessionFinished(exit_status=status, duration_us=duration_us, count=0, root="")


def _lines(dated: list[_Dated], seal: SessionFinished | None, end_us: int) -> tuple[str, list[bytes]]:
    text_of = TimeFormatter()
    drafts = [
        encode_event(event, stream=_NO_STREAM, seq=seq, at=text_of(at_us)) for seq, (at_us, event) in enumerate(dated)
    ]
    content = blake2b(f"session document {CONVERSION_VERSION}\n".encode(), digest_size=DIGEST_SIZE)
    for draft in drafts:
        content.update(draft)
    if seal is not None:
        content.update(encode_event(seal, stream=_NO_STREAM, seq=len(drafts), at=format_time(end_us)))
    stream = content.hexdigest()
    lines = [_of_stream(draft, stream) for draft in drafts]
    if seal is not None:
        root = line_hash()
        for line in lines:
            root.update(line_digest(line[:-1]).encode())
        whole = SessionFinished(
            exit_status=seal.exit_status, duration_us=seal.duration_us, count=len(lines), root=root.hexdigest()
        )
        lines.append(encode_event(whole, stream=stream, seq=len(lines), at=format_time(end_us)))
    return stream, lines


def _of_stream(draft: bytes, stream: str) -> bytes:
    body = draft[: -SUFFIX_SIZE - 1].replace(_NO_STREAM.encode(), stream.encode(), 1)
    return b'%b,"digest":"%b"}\n' % (body, line_hash(body).hexdigest().encode())


# ------------------------------------------------------------------ what a document says


def _results(fields: Mapping[str, Any]) -> list[_Result]:
    """All results in the order in which they are given; those that rerun groups repeat, once."""
    found: dict[tuple[str, str, int], _Result] = {}
    for where, item in _result_items(fields):
        result = _result(object_at(item, where), where)
        found.setdefault((result.nodeid, result.category or result.outcome, result.start_us), result)
    return list(found.values())


def _result_items(fields: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for index, item in enumerate(list_at(fields.get("test_results"), "$.test_results")):
        yield f"$.test_results[{index}]", item
    for index, group in enumerate(list_at(fields.get("rerun_test_groups"), "$.rerun_test_groups")):
        where = f"$.rerun_test_groups[{index}]"
        for number, item in enumerate(list_at(object_at(group, where).get("tests"), f"{where}.tests")):
            yield f"{where}.tests[{number}]", item


def _result(fields: Mapping[str, Any], where: str) -> _Result:
    nodeid = fields.get("nodeid")
    if not isinstance(nodeid, str) or not nodeid:
        raise DocumentError(f"a result needs a nodeid, a text @ {where}.nodeid")
    outcome, category = str(fields.get("outcome") or "skipped").lower(), ""
    if outcome not in KNOWN and fields.get("category") == fields.get("outcome"):
        outcome, category = "other", str(fields["category"])
    if outcome not in KNOWN:
        raise DocumentError(f"no such outcome: {fields.get('outcome')!r} @ {where}.outcome")
    start_us = time_us_of(fields.get("start_time"), f"{where}.start_time")
    if start_us is None:
        raise DocumentError(f"a result needs a start_time @ {where}.start_time")
    duration_us = duration_us_of(fields.get("duration"))
    if duration_us is None:
        stop_us = time_us_of(fields.get("stop_time"), f"{where}.stop_time")
        if stop_us is None:
            raise DocumentError(f"a result needs a duration or a stop_time @ {where}.duration")
        duration_us = max(stop_us - start_us, 0)
    texts = {name: text_of(fields.get(name)) for name in _TEXTS}
    warned = bool(fields.get("has_warning"))
    return _Result(nodeid, cast("Outcome", outcome), start_us, duration_us, texts, warned, category)


def _session_start(fields: Mapping[str, Any], results: list[_Result]) -> int:
    start_us = time_us_of(fields.get("session_start_time"), "$.session_start_time")
    if start_us is not None:
        return start_us
    if not results:
        raise DocumentError("a session needs a session_start_time @ $.session_start_time")
    return results[0].start_us


def _session_duration(fields: Mapping[str, Any], start_us: int, results: list[_Result]) -> int:
    duration_us = duration_us_of(fields.get("session_duration"))
    if duration_us is not None:
        return duration_us
    stop_us = time_us_of(fields.get("session_stop_time"), "$.session_stop_time")
    if stop_us is None:
        stop_us = max((result.start_us + result.duration_us for result in results), default=start_us)
    return max(stop_us - start_us, 0)


def _pieces(text: str) -> list[str]:
    return [text[start : start + _OUTPUT_TEXT_MAX] for start in range(0, len(text), _OUTPUT_TEXT_MAX)]


def _chunks(nodeids: list[str]) -> Iterator[list[str]]:
    """Lists whose texts together are short enough for a line."""
    chunk: list[str] = []
    size = 0
    for nodeid in nodeids:
        if chunk and size + len(nodeid) > _ANNOUNCED_TEXT_MAX:
            yield chunk
            chunk, size = [], 0
        chunk.append(nodeid)
        size += len(nodeid)
    if chunk:
        yield chunk
