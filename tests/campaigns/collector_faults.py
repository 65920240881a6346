"""Plant faults in copies of the collector, and show that its tests catch each of them.

`python tests/campaigns/collector_faults.py [NAME ...]`; without names all faults, after a run without any.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
LEFT_OUT = shutil.ignore_patterns(".venv*", ".git", "__pycache__", "*.egg-info", ".hypothesis", "build", "site")


class Edit(NamedTuple):
    """A change of one file."""

    path: str
    old: str
    new: str


class Fault(NamedTuple):
    """A fault and the files of tests that have to catch it."""

    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


NO_TEAM = (
    Edit(
        "collector/feed/reading.py",
        ".where(segment.c.team == team, segment.c.position > after)",
        ".where(segment.c.position > after)",
    ),
    Edit(
        "collector/feed/reading.py",
        ".where(segment.c.team == team, segment.c.position.in_(chosen))",
        ".where(segment.c.position.in_(chosen))",
    ),
)
NO_ROW_SECURITY = Edit("collector/server/context.py", "    limit_request(key.team)\n", "")
FAULTS = {
    "a serial number as cursor": Fault(
        (Edit(
                "collector/ingest/storing.py",
                "select pg_advisory_xact_lock(:lock)::text as lock",
                "select cast(cast(:lock as bigint) as text) as lock",
            ),),
        ("test_feed_order.py",),
    ),
    "an overlap stored blind": Fault(
        (Edit("collector/ingest/overlaps.py", "if line.seq < top]", "if False]"),), ("test_overlaps.py", "test_pushing.py")
    ),
    "an answer before the commit": Fault(
        (
            Edit(
                "collector/server/events_api.py",
                "    result = accept_lines(context.engine, key.team, key.id, parsed,",
                "    import threading\n"
                "    def accept_lines(*values, **named):\n"
                "        from ..ingest.accepting import accept_lines as store\n"
                "        threading.Timer(0.3, store, values, named).start()\n"
                "        return AcceptedLines(accepted=sum(map(len, parsed.streams.values())))\n"
                "    result = accept_lines(context.engine, key.team, key.id, parsed,",
            ),
        ),
        ("test_faulty_network.py", "test_kills.py"),
    ),
    "a decompressor shared by threads": Fault(
        (Edit("collector/ingest/unpacking.py", "self._frame = zstd", "type(self)._frame = zstd"),), ("test_bodies.py",)
    ),
    "a query without the team": Fault(NO_TEAM, ("test_tenants.py",)),
    "a request without row-level security": Fault((NO_ROW_SECURITY,), ("test_row_security.py",)),
    "a key without its team": Fault((*NO_TEAM, NO_ROW_SECURITY), ("test_access.py",)),
    "next from the highest seq": Fault(
        (
            Edit(
                "collector/ingest/accepting.py",
                'new["next"], new["last"] = _find_coverage(connection, row, lines)',
                'new["next"], new["last"] = lines[-1].seq + 1, b""',
            ),
        ),
        ("test_overlaps.py", "test_pushing.py"),
    ),
    "a segment that is not checked": Fault(
        (Edit("collector/ingest/segments.py", "if digest_of_lines(data) != digest:", "if digest_of_lines(data) is None:"),),
        ("test_database.py",),
    ),
    "an object written after its row": Fault(
        (Edit("collector/bodies/writing.py", "    store.write_all(bodies)\n",
              "    import threading\n    threading.Timer(0.5, store.write_all, (bodies,)).start()\n"),),
        ("test_segments_bucket.py",),
    ),
    "a row that names an object that is being deleted": Fault(
        (Edit("collector/bodies/writing.py",
              "    doomed = find_doomed(connection, team, places) if places else set[str]()\n", "    doomed = set[str]()\n"),),
        ("test_segments_bucket.py",),
    ),
    "a purge that leaves objects that no row names": Fault(
        (Edit("collector/bodies/removing.py",
              "        unnamed = [place for place in places if place not in named]\n", "        unnamed = list[str]()\n"),),
        ("test_segments_moving.py",),
    ),
    "a revoked key that is remembered": Fault(
        (Edit("collector/access/recent.py", "time.monotonic() - cached[0] < self.cache_s", "True"),), ("test_access.py",)
    ),
    "a login that outlives its key": Fault(
        (Edit("collector/access/keys.py", "key.c.id == key_id, _still_valid())", "key.c.id == key_id)"),),
        ("test_logins.py",),
    ),
    "pages of the team that was asked for first": Fault(
        (Edit("collector/pages/kept.py", "self._kept.get(key.team)", "next(iter(self._kept.values()), None)"),),
        ("test_team_pages.py",),
    ),
    "a form of another site": Fault(
        (Edit("collector/pages/entering.py", "if (site or origin) and not from_here:", "if False:"),),
        ("test_logins.py",),
    ),
    "a defect whose text is in the log": Fault(
        (Edit("collector/pages/boundary.py", "request.url.path, describe_error(error))\n            return _problem(500",
              "request.url.path, repr(error))\n            return _problem(500"),),
        ("test_team_pages.py",),
    ),
    "a purge that forgets the quarantine": Fault(
        (Edit("collector/ingest/purging.py", "    _remove_from_quarantine(connection, team_id, new)\n", ""),),
        ("test_canaries.py",),
    ),
    "an error with its text in the log": Fault(
        (Edit("collector/server/answers.py", 'describe_error(error))\n    return problem_answer(ProblemError("internal"',
              'error)\n    return problem_answer(ProblemError("internal"'),
         Edit("collector/database/connections.py", "hide_parameters=True", "hide_parameters=False")),
        ("test_canaries.py",),
    ),
    "bodies without a bound of memory": Fault(
        (Edit("collector/ingest/unpacking.py", "if unpacked > most:", "if unpacked > most << 20:"),), ("test_hostile.py",)
    ),
    "a rate that no request is charged for": Fault(
        (Edit("collector/server/context.py", "    context.rates.charge(key.id)\n", ""),), ("test_rates.py",)
    ),
    "a checkpoint in a transaction of its own": Fault(
        (Edit(
                "collector/views/projector.py",
                "            connection.execute(moved.values(position=touched.position, at=moment))",
                "            with engine.begin() as other:\n"
                "                other.execute(moved.values(position=touched.position, at=moment))",
            ),),
        ("test_projector_transaction.py",),
    ),
    "a history without the team": Fault(
        (Edit("collector/history/listing.py", "self._mine = session.c.team == team", "self._mine = session.c.team > 0"),
         NO_ROW_SECURITY, Edit("collector/history/opening.py", "with rows_of_team(team), engine", "with engine")),
        ("test_questions.py",),
    ),
    "a session packed with the numbers of its fold": Fault(
        (Edit("collector/history/packing.py", '"nodes": _renumber(rows.nodes, numbers),', '"nodes": rows.nodes,'),),
        ("test_history.py",),
    ),
    "a growing session as it was folded before": Fault(
        (Edit("collector/history/opening.py", " and not state.waiting", ""),), ("test_questions.py",)
    ),
}  # fmt: skip


def plant(fault: Fault, copy: Path) -> None:
    """Change a copy of the package.

    Raises:
        SystemExit: the code has changed, so that the fault cannot be planted.
    """
    for edit in fault.edits:
        path = copy / edit.path
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise SystemExit(f"{edit.path}: {edit.old!r} is there {text.count(edit.old)} times; adapt the fault")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def run_tests(copy: Path, files: tuple[str, ...]) -> tuple[int, list[str], str]:
    """Run tests of a copy; return the exit code, the names of those that failed, and the output."""
    environ = os.environ | {"PYTHONPATH": str(copy.parent)}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    paths = [f"tests/collector/{name}" for name in files]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--maxfail=3", *paths]
    done = subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False)
    failed = re.findall(r"^(?:FAILED|ERROR) tests/collector/(\S+)", done.stdout, re.MULTILINE)
    return done.returncode, failed, done.stdout + done.stderr


def try_fault(name: str, fault: Fault, sound: Path) -> bool:
    """Plant a fault in a new copy, run the tests, report, and return whether they behaved as they have to."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="insight-fault-") as folder:
        copy = Path(folder) / "pytest_insight"
        shutil.copytree(sound, copy)
        plant(fault, copy)
        code, failed, output = run_tests(copy, fault.tests)
    right = bool(failed) and code == 1 if fault.edits else code == 0
    print(f"{'caught' if fault.edits and right else 'passed' if right else 'NOT AS IT HAS TO BE'}: {name}", end="")
    print(f" ({time.monotonic() - began:.0f} s)", *failed, sep="\n    ", flush=True)
    if not right:
        print(output[-3000:])
    return right


def main() -> None:
    """Run the campaign."""
    names = sys.argv[1:]
    files = tuple(sorted({file for fault in FAULTS.values() for file in fault.tests}))
    chosen = {name: FAULTS[name] for name in names} if names else {"no fault": Fault((), files), **FAULTS}
    with tempfile.TemporaryDirectory(prefix="insight-sound-") as folder:
        sound = Path(folder) / "pytest_insight"
        shutil.copytree(ROOT, sound, ignore=LEFT_OUT)
        wrong = [name for name, fault in chosen.items() if not try_fault(name, fault, sound)]
    print(f"{len(chosen) - len(wrong)} of {len(chosen)} as they have to be", *wrong, sep="\n    ")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
