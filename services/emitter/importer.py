"""Imports a file: rows through a mapping into events, events in batches to a gateway.

Killed anywhere and started again, it carries on after the last batch that was acknowledged; from
the start again it changes nothing, because the events' ids are the file's own. What cannot be used
is kept in a file beside the input, with row, column and reason.
"""

import csv
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import orjson

from schemas.text import mask_personal
from services.emitter.client import Refusal
from services.emitter.making import Made, Maker, Unusable
from services.emitter.mapping import Mapping
from services.emitter.tables import fingerprint, rows

BATCH = 500


class Sender(Protocol):
    """What takes the events: :class:`services.emitter.client.GatewayClient`."""

    def send(self, events: Sequence[dict[str, Any]]) -> list[Refusal]:
        """Return when each event is stored or refused; the refused ones."""


class Progress(Protocol):
    """Told now and then how far it is."""

    def __call__(self, done_rows: int, total_rows: int, events: int) -> None: ...


@dataclass(slots=True)
class Summary:
    """What became of a file."""

    rows: int = 0
    dossiers: int = 0
    events: int = 0
    """Made of the file, whether sent now or before."""
    resumed_at: int = 0
    """Events that an earlier, interrupted import had sent already."""
    refused: int = 0
    """Events that the gateway refused."""
    unusable: int = 0
    """Rows and events that stand in the file of rejects."""
    rejects: Path | None = None


@dataclass(slots=True)
class _State:
    """How far an import has come, in a file of its own; only ever replaced as a whole."""

    file: Path
    acknowledged: int = 0
    """Events, counted from the start, that the gateway has answered for."""
    refused: list[Unusable] = field(default_factory=list)

    def load(self) -> None:
        try:
            found = orjson.loads(self.file.read_bytes())
            self.acknowledged = found["acknowledged"]
            self.refused = [Unusable(**line) for line in found["refused"]]
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError):
            # half a state is no state: from the start again, which changes nothing
            self.acknowledged, self.refused = 0, []

    def save(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_name(f".{self.file.name}.{os.getpid()}")
        found = {
            "acknowledged": self.acknowledged,
            "refused": [asdict(line) for line in self.refused],
        }
        part.write_bytes(orjson.dumps(found))
        part.replace(self.file)

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)


def state_file(folder: Path, content: str, mapping: str, url: str, key: str) -> Path:
    """Where an import keeps how far it is: its own for each file, mapping, gateway and key.

    The key's id stands for the installation: another data folder behind the same address has
    other keys, and has nothing of this file yet.
    """
    whole = "\x00".join((content, mapping, url.rstrip("/"), key.rpartition("_")[0]))
    return folder / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.json"


def import_file(
    file: Path,
    mapping: Mapping,
    sender: Sender,
    state: Callable[[str], Path],
    progress: Progress = lambda *_: None,
    batch: int = BATCH,
) -> Summary:
    """Import all of the file; the summary says what became of it.

    ``state`` gives the state's file for the content's hash. Raises ``UnreadableFile`` and what the
    sender raises; what was acknowledged until then is not sent again by the next call.
    """
    content, lines = fingerprint(file)
    reached = _State(state(content))
    reached.load()
    summary = Summary(resumed_at=reached.acknowledged)
    unusable: list[Unusable] = []
    maker = Maker(mapping)

    def events() -> Iterator[Made]:
        for row in rows(file, mapping.input):
            summary.rows += 1
            for made in maker.make(row):
                if isinstance(made, Unusable):
                    unusable.append(made)
                else:
                    summary.events += 1
                    yield made

    left = itertools.islice(events(), reached.acknowledged, None)
    for made in _batches(left, batch):
        refusals = sender.send([one.event for one in made])
        reached.refused += [
            line for refusal in refusals for line in _refused(made[refusal.index], refusal, mapping)
        ]
        reached.acknowledged += len(made)
        reached.save()
        progress(summary.rows, max(lines - 1, summary.rows), reached.acknowledged)
    summary.dossiers = maker.dossiers
    summary.refused = len({(line.row, line.column) for line in reached.refused})
    found = sorted([*unusable, *reached.refused], key=lambda line: (line.row, line.column))
    summary.unusable = len(found)
    summary.rejects = write_rejects(file, found)
    reached.forget()
    progress(summary.rows, summary.rows, summary.events)
    return summary


def write_rejects(file: Path, found: Sequence[Unusable]) -> Path | None:
    """Keep what could not be used beside the input, else in the current folder; where it is.

    With nothing to keep, a file of an earlier import is taken away.
    """
    name = f"{file.name}.rejected.csv"
    places = [file.parent / name, Path.cwd() / name]
    if not found:
        for place in places[:1]:
            if place.exists() and os.access(place.parent, os.W_OK):
                place.unlink()
        return None
    for place in places:
        try:
            with place.open("w", encoding="utf-8-sig", newline="") as output:
                _write(output, found)
        except OSError:
            if place == places[-1]:
                raise
            continue
        return place
    return None


def _write(output: IO[str], found: Sequence[Unusable]) -> None:
    writer = csv.writer(output)
    writer.writerow(["row", "column", "reason", "value", "rule"])
    for line in found:
        value = mask_personal(line.value)
        # a spreadsheet would run what begins like a formula
        value = f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
        writer.writerow([line.row, line.column, line.reason, value, line.rule])


def _batches(made: Iterator[Made], size: int) -> Iterator[list[Made]]:
    while found := list(itertools.islice(made, size)):
        yield found


def _refused(made: Made, refusal: Refusal, mapping: Mapping) -> Iterator[Unusable]:
    """The gateway's reasons, said of the file's columns."""
    for error in refusal.errors:
        name = error["field"]
        column = _column(made, name, mapping)
        cell = made.row.cells.get(column)
        yield Unusable(
            row=made.row.number,
            column=column or name,
            rule=error["rule"],
            reason=f"{made.rule.type}: {error['message_vi']} / {error['message']}",
            value="" if error["rule"] == "personal_data" or cell is None else str(cell),
        )


def _column(made: Made, name: str, mapping: Mapping) -> str:
    if name.startswith("data."):
        value = made.rule.data.get(name.removeprefix("data."))
        return (value.column if value else None) or ""
    by_name = {
        "time": made.rule.time.column,
        "unit": mapping.dossier.unit.column,
        "subject": mapping.dossier.code,
        "id": mapping.dossier.code,
    }
    return by_name.get(name) or ""
