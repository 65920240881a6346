"""Fields of lines that the fold needs, and their decoders.

They name few fields, so that decoding is fast. What columns and tables cannot hold is malformed.
"""

from typing import Annotated, Any

import msgspec

from ..eventlog.events import Outcome, TestCut

# What the columns and the tables can hold; a line with more is malformed, not a reason to stop reading.
_Seq = Annotated[int, msgspec.Meta(ge=0, lt=10**15)]


_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]


_Int64 = Annotated[int, msgspec.Meta(ge=-(2**62), lt=2**62)]


class FinishedLine(msgspec.Struct, gc=False):
    """Fields of an attempt."""

    seq: _Seq
    nodeid: str
    outcome: Outcome
    duration_us: _Count = 0
    attempt: _Count = 1
    worker: str = ""
    crashed: bool = False
    phase_outcomes: dict[str, str] | None = None


class AnyFinishedLine(FinishedLine, gc=False):
    """With an outcome that only a later release knows."""

    outcome: str  # type: ignore[assignment] - the wider type of the log


class PhasesLine(msgspec.Struct, gc=False):
    """Fields of attempts that did not simply pass."""

    outcome: str = ""
    category: str = ""
    phases: dict[str, int] = {}
    discarded_subtests: dict[str, _Count] = {}


class _Started(msgspec.Struct, gc=False):
    seq: _Seq
    nodeid: str
    attempt: _Count = 1
    worker: str = ""


class _Subtest(msgspec.Struct, gc=False):
    outcome: str
    category: str = ""


class _Announced(msgspec.Struct):
    nodeids: list[str]
    deselected: _Count = 0
    worker: str = ""


class _Degraded(msgspec.Struct):
    dropped: _Count = 0


class _Described(msgspec.Struct):
    dirty: bool | None = None
    properties: list[tuple[str, Any]] = []
    worker: str = ""


class _Seal(msgspec.Struct):
    exit_status: _Int64
    count: _Int64
    duration_us: _Int64 = 0
    interrupted: str = ""
    internal_error: str = ""
    dropped: _Count = 0


class _Collect(msgspec.Struct):
    nodeid: str


class _Warning(msgspec.Struct):
    nodeid: str = ""


class _Output(msgspec.Struct):
    name: str


class _Target(msgspec.Struct):
    target: str


class _Purged(msgspec.Struct):
    streams: list[str] = []
    lines: list[tuple[str, int, str]] = []


decode_purged = msgspec.json.Decoder(_Purged).decode


decode_finished = msgspec.json.Decoder(FinishedLine).decode


decode_finished_anyhow = msgspec.json.Decoder(AnyFinishedLine).decode


decode_started = msgspec.json.Decoder(_Started).decode


decode_subtest = msgspec.json.Decoder(_Subtest).decode


decode_announced = msgspec.json.Decoder(_Announced).decode


decode_seal = msgspec.json.Decoder(_Seal).decode


decode_cut = msgspec.json.Decoder(TestCut).decode


decode_collect = msgspec.json.Decoder(_Collect).decode


decode_warning = msgspec.json.Decoder(_Warning).decode


decode_output = msgspec.json.Decoder(_Output).decode


decode_target = msgspec.json.Decoder(_Target).decode


decode_header = msgspec.json.Decoder(dict[str, Any]).decode


decode_phases = msgspec.json.Decoder(PhasesLine).decode


decode_described = msgspec.json.Decoder(_Described).decode


decode_degraded = msgspec.json.Decoder(_Degraded).decode


DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, OverflowError)
