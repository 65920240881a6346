"""What having pytest-insight installed costs a pytest that does not use it, and how fast `insight` starts."""

import subprocess
from datetime import timedelta
from pathlib import Path

from pytest_insight.eventlog.times import to_datetime
from pytest_insight.projections.readmodel import ReadModel

from .generate import cached_log
from .measure import ROOT, WORK, Figure, fresh_install, installed_python, rounds, run

ONE_COMMAND = """
import typer
app = typer.Typer()
@app.command()
def hello(name: str = "you"):
    '''Greet.'''
    typer.echo(name)
app()
"""
COMMANDS = (
    (),
    ("session", "list"),
    ("sut", "list"),
    ("session", "show", "last"),
    ("tail",),
    ("test", "history", "TEST"),
    ("session", "compare", "last"),
    ("analytics", "summary", "--time", "WEEK"),
)


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the start of pytest without `--insight`, and that of everyday commands on a large log."""
    count = 5 if quick else 15
    bare = installed_python("bare", "pytest", "msgspec", "rich", "typer", "watchfiles")
    ours = installed_python("ours", "pytest", "msgspec", "rich", "typer", "watchfiles")
    fresh_install(ours)
    (WORK / "one_command.py").write_text(ONE_COMMAND)
    log = cached_log(100_000 if quick else 1_000_000).resolve()
    insight = ours.removesuffix("python") + "insight"
    subprocess.run(
        [insight, "replay", "--log", str(log)],
        check=True,
        capture_output=True,
        cwd=ROOT,
        env={"PYTEST_INSIGHT_HOME": str(WORK / "home")},
    )
    cases = {
        "typer": lambda: run([ours, str(WORK / "one_command.py")]),
        "typer help": lambda: run([ours, str(WORK / "one_command.py"), "--help"]),
        "insight --help": lambda: run([insight, "--help"]),
    }
    words = _words(log)
    for command in COMMANDS:
        command = [words.get(word, word) for word in command]  # noqa: PLW2901 - as it is typed
        where = [str(log)] if command == ["tail"] else ["--log", str(log)]
        cases[" ".join(command)] = lambda command=command, where=where: run([insight, *command, *where])
    costs = rounds(cases, count)
    figures = [_pytest_start(bare, ours, 5 if quick else 40)]
    help_ratio = costs["insight --help"].wall_s / costs["typer help"].wall_s
    figures.append(
        Figure("insight --help against a one-command Typer program", f"{help_ratio:.2f}x", "< 1.5x", help_ratio < 1.5)
    )
    for command in COMMANDS:
        name = " ".join(words.get(word, word) for word in command)
        ratio = costs[name].wall_s / costs["typer"].wall_s
        figures.append(
            Figure(
                f"{' '.join(['insight', *command])} on a large log",
                f"{ratio:.2f}x",
                "< 1.5x",
                ratio < 1.5,
                f"{costs[name].wall_s * 1000:.0f} ms",
            )
        )
    return figures


def _pytest_start(bare: str, ours: str, count: int) -> Figure:
    """What the plugin costs a run that is not recorded, beside an empty plugin of as many files, in processor time."""
    folder = WORK / "one-test"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pytest.ini").write_text("[pytest]\n")  # a root of its own
    (folder / "test_x.py").write_text("def test_x(): pass\n")
    pytest_run = ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    empty = str(_empty_plugin(ours))
    cases = {
        "without": lambda: run([bare, *pytest_run], folder),
        "empty": lambda: run([bare, *pytest_run], folder, PYTHONPATH=empty),
        "installed": lambda: run([ours, *pytest_run], folder),
    }
    costs = {name: cost.cpu_s * 1000 for name, cost in rounds(cases, count).items()}
    more_ms = costs["installed"] - costs["without"]
    return Figure(
        "pytest start without --insight",
        f"{more_ms:+.1f} ms",
        "<= 3 ms",
        more_ms <= 3,
        f"of {costs['without']:.0f} ms; an empty plugin of as many files {costs['empty'] - costs['without']:+.1f} ms",
    )


def _empty_plugin(ours: str) -> Path:
    """Return a folder with a plugin that does nothing, whose installation lists as many files as this one does."""
    folder = WORK / "empty-plugin"
    (record,) = Path(ours).parent.parent.glob("lib/*/site-packages/pytest_insight-*.dist-info/RECORD")
    about = folder / "empty_plugin-1.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (folder / "empty_plugin.py").touch()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: empty-plugin\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\nempty = empty_plugin\n")
    (about / "RECORD").write_text(record.read_text())
    return folder


def _words(log: Path) -> dict[str, str]:
    """What the placeholders in the commands mean for a log: some test, and its last week."""
    with ReadModel.open(log, WORK / f"questions-{log.stem}.sqlite") as model:
        model.catch_up()
        last = to_datetime(model.sessions(limit=1)[0].started_us)
        return {"TEST": model.nodeids()[0], "WEEK": f"{last - timedelta(days=7):%Y-%m-%d}.."}
