"""What an indicator's figures let expect, as a wall shows it: tenths of a percent and a status.

The rules are ``streams.core.targets``; here is how they are rounded for reading. No figure is
rounded across its target.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, sqrt
from typing import Literal

from schemas.books import Indicator
from streams.core.indicators import Count, rate_tenths
from streams.core.targets import Recent, forecast, needed_from_now, outlook

Status = Literal["met", "risk", "missed", "none"]
"""Met and expected to stay so; one of both; neither; a = 0."""

_Z80 = 1.2815515655446004
"""Of a normal distribution 80 % lie within so many deviations."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """Where the period will end if what comes goes as in the last eight weeks."""

    expected: int
    """Dossiers still expected; 0 where nothing is forecast."""
    rate: int | None
    """Tenths of a percent at the period's end."""
    low: int | None
    high: int | None
    """Within these it will be in four cases of five (Wilson's interval)."""
    needed: int | None
    """Tenths of a percent of what is expected that must be met; None: nothing is expected."""
    outlook: str | None


def prospect(
    indicator: Indicator, count: Count, target: Fraction, recent: Recent, left: int
) -> Prospect:
    """The outlook ``left`` days before the period's end."""
    expected = forecast(count, recent)
    said = outlook(indicator, count, target, recent.expected, left)
    kind = None if said is None else said.value
    needed = needed_from_now(count, target, recent.expected)
    if expected is None or recent.expected == 0:
        return Prospect(0, None, None, None, None, kind)
    low, high = _wilson(recent)
    a = count.a + recent.expected
    at_least = floor(1000 * (count.b + low * recent.expected) / a)
    at_most = ceil(1000 * (count.b + high * recent.expected) / a)
    rate = rate_tenths(expected.denominator, expected.numerator, target)
    return Prospect(
        expected=recent.expected,
        rate=rate,
        low=min(at_least, rate),
        high=max(min(at_most, 1000), rate),
        needed=None if needed is None else ceil(1000 * needed),
        outlook=kind,
    )


def status_of(count: Count, target: Fraction, recent: Recent) -> Status:
    """How the figures stand now and, by the forecast, at the end: decided exactly."""
    if count.a == 0:
        return "none"
    now = 100 * count.b >= target * count.a
    then = 100 * (forecast(count, recent) or Fraction(0)) >= target
    return "met" if now and then else "risk" if now or then else "missed"


def _wilson(recent: Recent) -> tuple[float, float]:
    n, p, z = recent.a, recent.b / recent.a, _Z80
    middle = p + z * z / (2 * n)
    spread = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (
        max(0.0, (middle - spread) / (1 + z * z / n)),
        min(1.0, (middle + spread) / (1 + z * z / n)),
    )
