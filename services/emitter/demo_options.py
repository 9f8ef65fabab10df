"""Fills a running installation with an invented district: the command line."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.emitter.replay import WATCHED_S
from services.settings import Settings

DOSSIERS, SEED = 6000, 1


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    url: str
    data: Path
    dossiers: int
    speed: float | None
    seed: int
    book: str
    leave: bool
    """Exit when all is shown and checked."""


def options_of(arguments: Sequence[str] | None) -> Options:
    """What was asked for; ends the program when it cannot be understood."""
    settings = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m services.emitter.demo",
        description=__doc__,
    )
    parser.add_argument("--url", default=settings.front_url, help="địa chỉ / address (%(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        default=settings.data,
        help="thư mục dữ liệu của hệ thống đó / data folder of that installation (%(default)s)",
    )
    parser.add_argument(
        "--dossiers", type=_count, default=DOSSIERS, help="số hồ sơ / how many (%(default)s)"
    )
    parser.add_argument(
        "--speed",
        type=_speed,
        help=f"ngày làm việc nhanh gấp bao nhiêu lần / faster than life (≈ {WATCHED_S:.0f} s)",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=SEED,
        help="cùng số, cùng hồ sơ / same number, same dossiers (%(default)s)",
    )
    parser.add_argument("--book", default=settings.book, help=argparse.SUPPRESS)
    parser.add_argument(
        "--exit-when-done", action="store_true", help="xong thì thoát / exit when all is shown"
    )
    chosen = parser.parse_args(arguments)
    return Options(
        url=chosen.url.rstrip("/"),
        data=chosen.data.expanduser().resolve(),
        dossiers=chosen.dossiers,
        speed=chosen.speed,
        seed=chosen.seed,
        book=chosen.book,
        leave=chosen.exit_when_done,
    )


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 5_000_000:
        raise argparse.ArgumentTypeError("1 … 5000000")
    return value


def _speed(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError("1 … 1000000")
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**31:
        raise argparse.ArgumentTypeError(f"0 … {2**31 - 1}")
    return value
