"""Charts of a report, as SVG with colours in attributes and their meaning in words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from .texts import percent

if TYPE_CHECKING:
    from .answers import RatePoint

WIDTH, HEIGHT = 720, 120
_LEFT, _TOP, _BOTTOM = 64, 8, 22


def rate_chart(points: "Sequence[RatePoint]") -> Markup:
    """Return the pass rates of sessions with the band of their Wilson intervals, on a scale with labelled ends."""
    if len(points) < 2:  # noqa: PLR2004 - one point is no course
        return Markup("")
    low = min(point.rate.low for point in points)
    floor = max(0.0, low - 0.02) if low < 0.98 else low - (1 - low) * 0.2 if low < 1 else 0.9  # noqa: PLR2004 - small margins
    floor = max(floor, 0.0)
    xs = [_LEFT + (WIDTH - _LEFT - 12) * place / (len(points) - 1) for place in range(len(points))]
    height = HEIGHT - _TOP - _BOTTOM

    def at(share: float) -> float:
        return _TOP + height * (1 - (share - floor) / (1 - floor))

    upper = " ".join(f"{x:.0f},{at(point.rate.high):.1f}" for x, point in zip(xs, points, strict=True))
    lower = " ".join(
        f"{x:.0f},{at(point.rate.low):.1f}" for x, point in zip(reversed(xs), reversed(points), strict=True)
    )
    line = " ".join(f"{x:.0f},{at(point.rate.estimate):.1f}" for x, point in zip(xs, points, strict=True))
    last = points[-1]
    words = (
        f"Pass rate of {len(points)} sessions, from {percent(points[0].rate.estimate)} to"
        f" {percent(last.rate.estimate)}; lowest {percent(min(point.rate.estimate for point in points))}"
    )
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-label="{words}">'
        '<path class="axis" stroke="#8b949e" fill="none" d="M{left} {top}V{base}H{right}"/>'
        '<polygon class="band" fill="#4d8f7c" fill-opacity=".22" points="{upper} {lower}"/>'
        '<polyline class="course" fill="none" stroke="#4d8f7c" stroke-width="2" points="{line}"/>'
        '<circle class="end" fill="#4d8f7c" r="3.5" cx="{x:.1f}" cy="{y:.1f}"/>'
        '<g class="scale" fill="#57606a" font-size="12" font-family="sans-serif" text-anchor="end">'
        '<text x="{label}" y="{high}">100 %</text><text x="{label}" y="{base}">{floor}</text></g>'
        '<g class="scale" fill="#57606a" font-size="12" font-family="sans-serif">'
        '<text x="{left}" y="{under}">{first}</text>'
        '<text x="{right}" y="{under}" text-anchor="end">{newest}</text></g></svg>'
    ).format(
        w=WIDTH, h=HEIGHT, words=words, left=_LEFT, top=_TOP, base=HEIGHT - _BOTTOM, right=WIDTH - 12,
        upper=upper, lower=lower, line=line, x=xs[-1], y=at(last.rate.estimate), label=_LEFT - 6, high=_TOP + 10,
        floor=percent(floor), under=HEIGHT - 6, first=points[0].session.started_at[:10],
        newest=last.session.started_at[:10],
    )  # fmt: skip


def bar_svg(share: float, before: float = 0.0) -> Markup:
    """Return a bar for a share of the whole, behind the shares of the rows above it."""
    left, width = round(before * 160, 1), max(round(share * 160, 1), 1)
    return Markup(
        '<svg class="bar" role="img" width="160" height="12" aria-label="{words}">'
        '<path class="bar-before" fill="#c9d1d9" d="M0 5h{left}v2H0z"/>'
        '<path class="bar-own" fill="#4d8f7c" d="M{left} 1h{width}v10h-{width}z"/></svg>'
    ).format(
        words=f"{percent(share)} of the time, {percent(min(before + share, 1.0))} with those above",
        left=left,
        width=width,
    )
