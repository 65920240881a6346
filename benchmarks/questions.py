"""Questions at 10 k, 100 k, 1 M and 5 M events, in an open read model: how their cost grows; with a plot."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from pytest_insight.core.analyzer import Analysis
from pytest_insight.core.compare import compare_runs
from pytest_insight.core.history.verdicts.reading import run_of_row
from pytest_insight.core.history.windows import Window
from pytest_insight.projections.readmodel import ReadModel

from .generate import cached_log
from .measure import ROOT, WORK, Figure

DAY_US = 86_400_000_000
SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
EVERYDAY_MS = 100.0
"""What a person does not notice; questions of every day are to stay below at a million events."""


def measure(*, quick: bool = False) -> list[Figure]:
    """Return the cost of each question at a million events, and how it grows from a tenth of that."""
    sizes = SIZES[:2] if quick else SIZES
    taken = {size: _ask_all(cached_log(size).resolve()) for size in sizes}
    if not quick:
        _plot(taken)
    reported, tenth = (sizes[1], sizes[0]) if quick else (sizes[2], sizes[1])
    figures: list[Figure] = []
    for name, milliseconds in taken[reported].items():
        growth = milliseconds / max(taken[tenth][name], 0.01)
        everyday = not name.startswith("all time")
        ok = milliseconds <= EVERYDAY_MS or not everyday
        largest = f"; {taken[sizes[-1]][name]:.0f} ms at {sizes[-1]:,}"
        figures.append(
            Figure(
                f"question: {name}",
                f"{milliseconds:.1f} ms",
                f"<= {EVERYDAY_MS:.0f} ms" if everyday else "-",
                ok,
                f"at {reported:,} events, {growth:.1f}x of a tenth of them{largest}",
            )
        )
    return figures


def _ask_all(log: Path) -> dict[str, float]:
    file = WORK / f"questions-{log.stem}.sqlite"
    with ReadModel.open(log, file) as model:
        model.catch_up()
        return {name: _median_ms(ask) for name, ask in _questions(model).items()}


def _questions(model: ReadModel) -> dict[str, Callable[[], object]]:
    rows = model.sessions()
    last_us = rows[0].started_us
    week, month = Window(last_us - 7 * DAY_US), Window(last_us - 30 * DAY_US)
    test = model.nodeids()[len(model.nodeids()) // 2]
    sut = rows[0].sut

    def compared() -> object:
        before = Analysis.of_model(model, sut, Window(last_us - 14 * DAY_US, last_us - 7 * DAY_US))
        return compare_runs(before.considered, Analysis.of_model(model, sut, week).considered)

    return {
        "the newest 50 sessions": lambda: model.sessions(limit=50),
        "one session": lambda: run_of_row(model, rows[0]),
        "history of one test": lambda: Analysis.of_test(model, test, alone=True).history_of(test),
        "summary of a week": lambda: Analysis.of_model(model, None, week).summary(),
        "broken tests of a week": lambda: Analysis.of_model(model, None, week).broken_tests(),
        "flaky tests of a month, one system": lambda: Analysis.of_model(model, sut, month).flaky_tests(),
        "failures of a week by message": lambda: Analysis.of_model(model, None, week).failure_clusters(),
        "two weeks compared, one system": compared,
        "all time: failure rates of all tests": lambda: Analysis.of_model(model).failure_rates(),
    }


def _median_ms(ask: Callable[[], object]) -> float:
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def _plot(taken: dict[int, dict[str, float]]) -> None:
    """Draw cost over size, both logarithmic, into docs/questions.svg."""
    import matplotlib as mpl  # noqa: PLC0415 - only when it is drawn

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(9, 5))
    for name in next(iter(taken.values())):
        axes.plot(list(taken), [found[name] for found in taken.values()], marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="events in the log", ylabel="milliseconds", title="Cost of a question")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend(fontsize=8, loc="upper left")
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "questions.svg", metadata={"Date": None})
    plt.close(figure)
