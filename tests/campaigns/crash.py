"""Kill four writers on one log, thousands of times: no acknowledged event may be lost, none may be false.

python tests/campaigns/crash.py [--kills 10000] [--seed 1] [--spawn]

Writers are forked from a process that has imported all they need, which starts ten times as many as programs of their
own; `--spawn` starts programs.
"""

import argparse
import importlib.util
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

SHORT = Path(__file__).parent.parent / "eventlog" / "test_crash.py"


class ForkedWriter:
    """A writer in a forked process, with the part of `subprocess.Popen` that the campaign uses.

    Args:
        code: program of the writer.
        arguments: of the program.
    """

    def __init__(self, code: object, arguments: list[str]) -> None:
        child_in, ours_in = os.pipe()
        ours_out, child_out = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            run_in_child(code, arguments, child_in, child_out)
        os.close(child_in)
        os.close(child_out)
        self.stdin = os.fdopen(ours_in, "wb", buffering=0)
        self.stdout = os.fdopen(ours_out, "rb", buffering=0)

    def send_signal(self, number: int) -> None:
        """Send a signal."""
        os.kill(self._pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def communicate(self) -> None:
        """Wait for the end of the process."""
        os.waitpid(self._pid, 0)
        self.stdin.close()
        self.stdout.close()


def run_in_child(code: object, arguments: list[str], stdin: int, stdout: int) -> None:
    """Run a program in a forked child, which never returns."""
    try:
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.closerange(3, 256)
        sys.argv = ["-c", *arguments]
        exec(code, {"__name__": "__main__"})  # noqa: S102 - the program of the writer
    finally:
        os._exit(1)


def main() -> int:
    """Run the campaign; the same one that runs with every change, only longer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--spawn", action="store_true", help="start each writer as a program of its own")
    options = parser.parse_args()
    sys.path.insert(0, str(SHORT.parent.parent))
    spec = importlib.util.spec_from_file_location("crash", SHORT)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SHORT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    code = compile(module.WRITER, "writer", "exec")
    start = module.spawn_writer if options.spawn else lambda arguments: ForkedWriter(code, arguments)
    import pytest_insight.eventlog.writer  # noqa: F401 - before any fork

    kills = acknowledged = 0
    wrong: list[str] = []
    began = time.monotonic()
    while kills < options.kills:
        batch = min(500, options.kills - kills)
        folder = tempfile.mkdtemp(prefix="insight-kills-")
        found, bad = module.kill_campaign(Path(folder), batch, options.seed + kills, start)
        if bad:
            print(f"seed {options.seed + kills}, kept in {folder}:", *bad, sep="\n  ", flush=True)
        else:
            shutil.rmtree(folder)
        kills, acknowledged, wrong = kills + batch, acknowledged + found, wrong + bad
        print(
            f"{kills} kills, {acknowledged} acknowledged, {len(wrong)} wrong, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
