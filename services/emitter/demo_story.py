"""What a demonstration shows and remembers: which days, and what the data folder holds already."""

import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from services.emitter.office_days import last_working_day

EDITION = 2
"""Of what is told of a dossier. Another one would tell the same dossiers differently: their events
would contradict those that are there."""
VIET_NAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Story:
    """The year so far, and the day that is shown as it passes."""

    first: date
    """1 January of the year of ``day``."""
    day: date
    """The last working day that is over."""
    dossiers: int
    seed: int

    @property
    def before(self) -> date:
        """Last day of what is sent at once."""
        return self.day - timedelta(days=1)

    @property
    def this_year(self) -> str:
        """First and last day, as people write them."""
        return f"{self.first:%d/%m/%Y} – {self.day:%d/%m/%Y}"


def story_of(now: datetime, dossiers: int, seed: int) -> Story:
    """The story to tell at this moment.

    In the first days of a year no working day of it is over yet: then it is told of the last year.
    """
    day = last_working_day(now.astimezone(VIET_NAM).date())
    return Story(date(day.year, 1, 1), day, dossiers, seed)


@dataclass(frozen=True, slots=True)
class Told:
    """What was told on a data folder before."""

    seed: int
    dossiers: int
    day: str
    """ISO date of the last day that was shown to its end; empty: none yet."""
    runs: int
    edition: int = EDITION

    def covers(self, story: Story) -> bool:
        """Whether nothing of the story is new."""
        return self.day == story.day.isoformat() and self.dossiers == story.dossiers


def memory_file(data: Path) -> Path:
    """Where a data folder remembers its demonstration."""
    return data / "demo.json"


def remembered(data: Path) -> Told | None:
    """What was told on this data folder; None: nothing yet."""
    try:
        # the first edition did not say so
        return Told(**{"edition": 1, **json.loads(memory_file(data).read_text("utf-8"))})
    except (FileNotFoundError, ValueError, TypeError):
        return None


def begin(data: Path, story: Story) -> None:
    """Remember the seed before the first event is sent: another one would mix two districts."""
    told = remembered(data) or Told(story.seed, story.dossiers, "", 0)
    _write(data, replace(told, runs=told.runs + 1))


def finish(data: Path, story: Story) -> None:
    """Remember that all of the story has been sent."""
    told = remembered(data) or Told(story.seed, story.dossiers, "", 1)
    _write(data, replace(told, dossiers=story.dossiers, day=story.day.isoformat()))


def _write(data: Path, told: Told) -> None:
    data.mkdir(parents=True, exist_ok=True)
    file = memory_file(data)
    part = file.with_name(f".{file.name}.{os.getpid()}")
    part.write_text(json.dumps(asdict(told)), "utf-8")
    part.replace(file)
