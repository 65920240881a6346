"""Charts of one test and of one session, as SVG with colours in attributes and their meaning in words."""

from statistics import median
from typing import TYPE_CHECKING

from markupsafe import Markup

from ...core.overview.marks import mark_word
from ...reports.marks import CELL, DRAWINGS
from ...reports.texts import counted, seconds, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .one_session import Bar

_LEAST_POINTS = 3
_DOTS_HIGH = 72
_WIDTH, _ROW, _LEFT = 1080, 22, 70
_AXIS_HIGH = 20


def duration_chart(durations: "Sequence[float]", level: "tuple[int, float, float] | None") -> Markup:
    """Return the durations of a test's runs as dots, with their median and the place where the level changed.

    Args:
        durations: of its runs in seconds, the newest last; 0 where it is not known.
        level: see `TestPage.level`.
    """
    points = [(place, value) for place, value in enumerate(durations) if value > 0]
    if len(points) < _LEAST_POINTS:
        return Markup("")
    most, middle = max(value for _, value in points), median(value for _, value in points)
    width = max(len(durations) * CELL, 200)

    def at(value: float) -> float:
        return 4 + _DOTS_HIGH * (1 - value / most)

    dots = Markup("").join(
        Markup('<circle class="dot" fill="#4d8f7c" r="2.6" cx="{:.1f}" cy="{:.1f}"/>').format(
            place * CELL + CELL / 2, at(value)
        )
        for place, value in points
    )
    change = (
        Markup('<line class="level" stroke="#b2182b" x1="{0}" x2="{0}" y1="0" y2="80"/>').format(level[0] * CELL)
        if level
        else ""
    )
    words = f"Durations of {counted(len(points), 'run')}: median {seconds(middle)}, longest {seconds(most)}"
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {whole} 84" width="{whole}" height="84" aria-label="{words}">'
        '<line class="median" stroke="#57606a" stroke-dasharray="4 3" x1="0" x2="{width}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '{change}{dots}<g class="scale" fill="#57606a" font-size="12" font-family="sans-serif">'
        '<text x="{right}" y="12">{most}</text><text x="{right}" y="80">0 ms</text></g></svg>'
    ).format(whole=width + 70, width=width, words=words, y=at(middle), change=change, dots=dots, right=width + 6,
             most=seconds(most))  # fmt: skip


def timeline(bars: "Sequence[Bar]", whole_s: float) -> Markup:
    """Return when tests ran, a row for each worker.

    Args:
        bars: them.
        whole_s: duration of the session.
    """
    if not bars:
        return Markup("")
    workers = list(dict.fromkeys(bar.worker for bar in bars))
    whole_s = max(whole_s, *(bar.start_s + bar.duration_s for bar in bars), 1e-6)
    room = _WIDTH - _LEFT - 10
    rows: list[Markup] = []
    for place, worker in enumerate(workers):
        top = place * _ROW
        label = shorten(visible(worker), 12) or "tests"
        rows.append(
            Markup('<text class="scale" fill="#57606a" font-size="12" x="0" y="{}">{}</text>').format(top + 15, label)
        )
        rows.extend(_bar(bar, top, room / whole_s) for bar in bars if bar.worker == worker)
    base = len(workers) * _ROW
    words = f"When {counted(len(bars), 'test')} ran, by worker: {len(workers)} in {seconds(whole_s)}"
    return Markup(
        '<svg class="chart timeline" role="img" viewBox="0 0 {w} {h}" width="{w}" height="{h}"'
        ' aria-label="{words}">{rows}'
        '<path class="axis" stroke="#8b949e" fill="none" d="M{left} {base}H{right}"/>'
        '<g class="scale" fill="#57606a" font-size="12" font-family="sans-serif">'
        '<text x="{left}" y="{under}">0 s</text>'
        '<text x="{right}" y="{under}" text-anchor="end">{whole}</text></g></svg>'
    ).format(w=_WIDTH, h=base + _AXIS_HIGH, words=words, rows=Markup("").join(rows), left=_LEFT, base=base,
             right=_WIDTH - 10, under=base + 15, whole=seconds(whole_s))  # fmt: skip


def _bar(bar: "Bar", top: int, scale: float) -> Markup:
    """Return a test: failures are as high as their row, others half of it."""
    word = mark_word(bar.outcome)
    high = 16 if word in ("failed", "error", "crashed") else 8
    return Markup(
        '<rect class="m-{word}" fill="{color}" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{high}">'
        "<title>{name}: {outcome}, {took}, after {start}</title></rect>"
    ).format(
        word=word, color=DRAWINGS[word].light, x=_LEFT + bar.start_s * scale, y=top + (_ROW - high) / 2,
        w=max(bar.duration_s * scale, 1.5), high=high, name=shorten(visible(bar.nodeid)), outcome=visible(bar.outcome),
        took=seconds(bar.duration_s), start=seconds(bar.start_s),
    )  # fmt: skip
