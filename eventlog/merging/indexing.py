"""Index the segments of several files, on two processes where that is faster."""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec

from ..reader import line_start_after
from ..sources import LogSource
from .segments import Parcel, Progress, SegmentIndex

PARALLEL_BYTES_MIN = 32 << 20
"""Total size of the files from which on a second process is started; below it the start costs more than it saves."""


class Job(NamedTuple):
    """A stretch of a file to index."""

    source: int
    path: str
    start: int
    end: int


def index_files(index: SegmentIndex, files: list[LogSource], progress: Progress | None = None) -> None:
    """Index some files, numbered as they are listed; on two processes where that pays.

    Args:
        index: takes what is found.
        files: plain files.
        progress: called with the bytes done so far.
    """
    for number, file in enumerate(files):
        if not file.on_disk:
            index.add(number, file)
    jobs = [Job(number, str(file.path), 0, file.size()) for number, file in enumerate(files) if file.on_disk]
    mine, theirs = _divide_jobs(jobs)
    if not theirs:
        _index_jobs(index, mine, progress)
        return
    command = [sys.executable, "-m", f"{__package__}.indexing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        process.stdin.write(msgspec.json.encode(theirs))
        process.stdin.close()
        share = sum(job.end - job.start for job in jobs) / max(sum(job.end - job.start for job in mine), 1)
        _index_jobs(index, mine, None if progress is None else lambda done: progress(int(done * share)))
        data = process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"the second process of the merge ended with {process.returncode}")
    index.take_over(msgspec.msgpack.decode(data, type=Parcel))


def _index_jobs(index: SegmentIndex, jobs: list[Job], progress: Progress | None) -> None:
    done = 0
    for job in jobs:
        report = None if progress is None else _from(progress, done)
        # The last stretch of a file has no end: its unfinished last line is to be found.
        index.add(job.source, Path(job.path), job.start, job.end or None, report)
        done += max(job.end - job.start, 0)


def _from(progress: Progress, before: int) -> Progress:
    return lambda more: progress(before + more)


def _divide_jobs(jobs: list[Job]) -> tuple[list[Job], list[Job]]:
    """Divide the jobs between this process and another, by bytes; a file may be cut at the start of a line."""
    whole = [job._replace(end=0) for job in jobs]
    total = sum(job.end for job in jobs)
    if total < PARALLEL_BYTES_MIN:
        return whole, []
    mine: list[Job] = []
    left = total // 2
    for place, job in enumerate(jobs):
        if job.end > left:
            cut = line_start_after(job.path, left)
            rest = whole[place + 1 :]
            if cut is None:
                return [*mine, whole[place]], rest
            return [*mine, job._replace(end=cut)], [Job(job.source, job.path, cut, 0), *rest]
        mine.append(whole[place])
        left -= job.end
    return mine, []


def _main() -> None:
    jobs = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Job])
    with tempfile.TemporaryDirectory() as folder:
        index = SegmentIndex(Path(folder))
        _index_jobs(index, jobs, None)
        sys.stdout.buffer.write(msgspec.msgpack.encode(index.parcel()))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
