"""The union of several logs in a temporary file, for programs that read them as one."""

import atexit
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from ..documents.convert import readable
from ..files.pipes import PipedLog
from ..files.private import open_private
from ..scan import Finding
from ..sources import LogSource
from .conflicts import Strategy
from .merger import Merger
from .staging import staging


def merge_to_temporary(logs: Iterable[LogSource]) -> tuple[LogSource, list[Finding]]:
    """Return the union of logs in a file that is removed when the process ends, and the damaged places left out."""
    folder = Path(tempfile.mkdtemp(prefix="insight-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / "logs.jsonl"
    with staging() as stage:
        merger = Merger(stage, Strategy.KEEP_BOTH)
        count = 0
        for source in logs:
            merger.add_source(readable(source))
            count += 1
        merger.index()
        with open_private(target) as out:
            merger.write(out)
        return PipedLog(target, label=f"{count} logs"), merger.report.damaged
