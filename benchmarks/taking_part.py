"""What taking part in a test run (`--insight-sync`) costs the process of the tests, beside recording itself."""

import shutil
import socket

from .measure import WORK, Cost, Figure, fresh_install, installed_python, rounds, run
from .record import TESTS, project_folder

PACKAGES = ("pytest", "msgspec", "rich", "typer", "watchfiles", "starlette", "uvicorn")


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the cost of taking part per test, against that of recording the same run."""
    count = 500 if quick else 5000
    python = installed_python("sync", *PACKAGES)
    fresh_install(python)
    folder = project_folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_x.py").write_text(TESTS.format(count=count))
    shutil.rmtree(WORK / "home", ignore_errors=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])

    def case(*args: str) -> Cost:
        (WORK / "home" / "insight.jsonl").unlink(missing_ok=True)
        return run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args], folder)

    recorded = ("--insight", f"--insight-log={WORK / 'home' / 'insight.jsonl'}")
    cases = {
        "bare": lambda: case("-p", "no:insight"),
        "recorded": lambda: case(*recorded),
        "taking part": lambda: case(*recorded, "--insight-sync", f"--insight-sync-port={port}"),
    }
    try:
        case(*recorded, "--insight-sync", f"--insight-sync-port={port}")  # the service is started, and not measured
        costs = rounds(cases, 2 if quick else 7)
    finally:
        end = [python, "-m", "pytest_insight.cli", "sync-storage", "stop", "--port", port]
        run(end)
    recording = (costs["recorded"].cpu_s - costs["bare"].cpu_s) / count * 1e6
    taking_part = (costs["taking part"].cpu_s - costs["recorded"].cpu_s) / count * 1e6
    return [
        Figure(
            "taking part in a test run against recording it",
            f"{taking_part / recording:.2f}x",
            "< 1x",
            taking_part < recording,
            f"{taking_part:.0f} us a test on top of {recording:.0f}",
        )
    ]
