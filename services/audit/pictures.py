"""Pictures as SVG, drawn here: no scripts, readable in print; every figure also stands in a table.

Status is never colour alone: what misses its target is hatched, and its figure is written.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

_MET, _MISSED, _INK, _QUIET, _LINE, _TRACK = (
    *("#0a6ebd", "#b04a00", "#16181d", "#555e6b", "#d9dde3", "#e4e8ed"),
)
_FONT = "font-family=\"'Be Vietnam Pro', system-ui, 'Segoe UI', sans-serif\""
_HATCH = (
    '<pattern id="{id}" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#f6d9c4"/>'
    f'<line x1="0" y1="0" x2="0" y2="6" stroke="{_MISSED}" stroke-width="3"/></pattern>'
)


@dataclass(frozen=True, slots=True)
class Point:
    """A week of a curve; rates are percent."""

    label: str
    rate: float | None
    cumulated: float | None
    roadmap: float | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """A unit's rate, or nothing to judge."""

    label: str
    rate: float | None
    met: bool | None
    told: str


@dataclass(frozen=True, slots=True)
class Column:
    """Dossiers that took so many days, in parts that stand on each other."""

    label: str
    parts: Sequence[int]


def trend(title: str, points: Sequence[Point], target: float) -> str:
    """Rate of each week as dots, the rate so far as a line, target and roadmap as steps."""
    width, height, left, right, top, bottom = 620, 230, 44, 12, 14, 30
    values = [v for p in points for v in (p.rate, p.cumulated, p.roadmap) if v is not None]
    least = max(0.0, min([target, *values]) - 8) // 10 * 10
    span = max(10.0, 100 - least)

    def x(n: int) -> float:
        return left + (width - left - right) * (n + 0.5) / max(len(points), 1)

    def y(percent: float) -> float:
        return top + (height - top - bottom) * (1 - (percent - least) / span)

    parts = [
        f'<line x1="{left}" x2="{width - right}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
        f'stroke="{_LINE}"/>{_text(left - 6, y(v) + 4, f"{v:g}%", "end")}'
        for v in _steps(least, 100)
    ]
    parts.append(
        f'<line x1="{left}" x2="{width - right}" y1="{y(target):.1f}" y2="{y(target):.1f}" '
        f'stroke="{_INK}" stroke-width="2" stroke-dasharray="7 4"/>'
    )
    road = [(x(n), y(p.roadmap)) for n, p in enumerate(points) if p.roadmap is not None]
    parts += [
        f'<path d="M{a[0]:.1f} {a[1]:.1f}H{b[0]:.1f}V{b[1]:.1f}" fill="none" stroke="{_QUIET}" '
        'stroke-width="2" stroke-dasharray="2 3"/>'
        for a, b in pairwise(road)
    ]
    line = [(x(n), y(p.cumulated)) for n, p in enumerate(points) if p.cumulated is not None]
    if line:
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_MET}" stroke-width="3"/>')
    for n, p in enumerate(points):
        if p.rate is not None:
            missed = p.rate < target
            fill = "#fff" if missed else _MET
            parts.append(
                f'<circle cx="{x(n):.1f}" cy="{y(p.rate):.1f}" r="3.5" fill="{fill}" '
                f'stroke="{_MISSED if missed else _MET}" stroke-width="2"/>'
            )
    every = max(1, len(points) // 8)
    parts += [
        _text(x(n), height - 10, p.label, "middle") for n, p in enumerate(points) if n % every == 0
    ]
    return _svg(title, width, height, parts)


def ranked(title: str, bars: Sequence[Bar], target: float) -> str:
    """One bar a unit, the worst on top, the target as a line through all of them."""
    row, left, right, top = 24, 210, 120, 10
    width = 820
    height = top + row * len(bars) + 8
    scale = (width - left - right) / 100
    parts = [f"<defs>{_HATCH.format(id='missed')}</defs>"]
    for n, bar in enumerate(bars):
        y = top + n * row
        parts.append(_text(left - 10, y + 15, _short(bar.label, 30), "end", _INK))
        parts.append(
            f'<rect x="{left}" y="{y + 4}" width="{100 * scale:.1f}" height="{row - 10}" '
            f'fill="{_TRACK}"/>'
        )
        if bar.rate is not None:
            fill = _MET if bar.met else "url(#missed)"
            parts.append(
                f'<rect x="{left}" y="{y + 4}" width="{bar.rate * scale:.1f}" height="{row - 10}" '
                f'fill="{fill}"/>'
            )
        parts.append(_text(width - right + 8, y + 15, bar.told, "start", _INK))
    x = left + target * scale
    parts.append(
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 6}" y2="{height - 6}" stroke="{_INK}" '
        'stroke-width="2"/>'
    )
    return _svg(title, width, height, parts)


def heat(title: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Units by indicators: the darker the further below its target; figures stand in the cells."""
    row, left, cell, top = 24, 210, 78, 26
    width, height = left + cell * len(columns) + 8, top + row * len(rows) + 6
    parts = [
        _text(left + cell * (n + 0.5), 17, name, "middle", _INK) for n, name in enumerate(columns)
    ]
    for n, (label, cells) in enumerate(rows):
        y = top + n * row
        parts.append(_text(left - 10, y + 16, _short(label, 30), "end", _INK))
        for m, one in enumerate(cells):
            x = left + cell * m
            fill, ink = _shade(one)
            parts.append(
                f'<rect x="{x + 1}" y="{y + 1}" width="{cell - 2}" height="{row - 2}" '
                f'fill="{fill}"/>{_text(x + cell / 2, y + 16, one.told, "middle", ink)}'
            )
    return _svg(title, width, height, parts)


def durations(
    title: str, columns: Sequence[Column], fills: Sequence[str], due: int | None, due_told: str
) -> str:
    """Dossiers by working days; ``due`` is the column in which the middle due moment lies."""
    width, height, left, top, bottom = 620, 230, 52, 14, 30
    most = max([sum(c.parts) for c in columns], default=0) or 1
    step = (width - left - 10) / max(len(columns), 1)
    parts = [f"<defs>{_HATCH.format(id='late')}</defs>"]

    def y(dossiers: float) -> float:
        return top + (height - top - bottom) * (1 - dossiers / most)

    for v in (0, most / 2, most):
        parts.append(
            f'<line x1="{left}" x2="{width - 10}" y1="{y(v):.1f}" y2="{y(v):.1f}" '
            f'stroke="{_LINE}"/>{_text(left - 6, y(v) + 4, _number(v), "end")}'
        )
    every = max(1, len(columns) // 12)
    for n, column in enumerate(columns):
        below = 0
        for dossiers, fill in zip(column.parts, fills, strict=True):
            parts.append(
                f'<rect x="{left + n * step + 1:.1f}" y="{y(below + dossiers):.1f}" '
                f'width="{max(step - 2, 1):.1f}" height="{y(below) - y(below + dossiers):.1f}" '
                f'fill="{fill}"/>'
            )
            below += dossiers
        if n % every == 0:
            parts.append(_text(left + (n + 0.5) * step, height - 10, column.label, "middle"))
    if due is not None:
        x = left + (due + 1) * step
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{height - bottom}" stroke="{_INK}" '
            'stroke-width="2" stroke-dasharray="7 4"/>'
        )
        parts.append(_text(x + 5, top + 11, due_told, "start", _INK))
    return _svg(title, width, height, parts)


DURATION_FILLS = (_MET, "url(#late)", "#aeb5bf")
"""On time, late, due moment unknown."""


def _number(value: float) -> str:
    return f"{round(value):,}".replace(",", ".")


def _shade(bar: Bar) -> tuple[str, str]:
    if bar.met is None:
        return "#f1f2f4", _QUIET
    return ("#dcebf8", _INK) if bar.met else ("#f6d9c4", "#7a3300")


def _steps(least: float, most: float) -> Iterable[float]:
    step = 20.0 if most - least > 50 else 10.0
    value = least
    while value <= most:
        yield value
        value += step


def _text(x: float, y: float, told: str, anchor: str, fill: str = _QUIET) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="12" fill="{fill}" '
        f"{_FONT}>{escape(told)}</text>"
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _svg(title: str, width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg class="picture" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )
