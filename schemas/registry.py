"""Units and procedures with the time in which each version was in force, as data files.

Shipped files lie in ``registry_data``; an installation adds its own in its data folder.
"""

import tomllib
from collections.abc import Iterable
from datetime import date, time
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from schemas.books import Period
from schemas.text import UnitCode
from schemas.words import ServiceLevel

FOR_EVER = date(9999, 12, 31)
SINCE_EVER = date(1970, 1, 1)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(_Data):
    """An organisational unit that receives dossiers. Identity: (code, valid_from)."""

    code: UnitCode
    name: str
    level: str
    """``district`` or ``commune``; data, not an enum: levels come and go."""
    valid_from: date = SINCE_EVER
    valid_to: date = FOR_EVER
    """Last day of validity."""


class Procedure(_Data):
    """What the catalogue says of an administrative procedure in some time."""

    code: str
    """National code, without a local suffix."""
    name: str
    level: str
    """Level of the units that handle it."""
    service: ServiceLevel
    fee_vnd: int = Field(ge=0)
    payment_online: bool
    """Online payment is deployed for it."""
    days: int | None = Field(None, ge=0, le=365)
    """Working days within which the result is owed; 0: the same day."""
    hours: int | None = Field(None, ge=1, le=80)
    """Or the working hours within which it is owed."""
    cut_off: time | None = None
    """Received later than this, the clock starts on the next working day; None: at the close."""
    illustrative: bool = False
    """True when the times or fees are not from a cited source («minh họa»)."""
    source: str = ""
    valid_from: date = SINCE_EVER
    valid_to: date = FOR_EVER


def normal_procedure(code: str) -> str:
    """The national code without a local suffix: ``1.001193.000.00.00.H56`` -> ``1.001193``."""
    return code[:8]


class _File(_Data):
    unit: tuple[Unit, ...] = ()
    procedure: tuple[Procedure, ...] = ()


class Registry:
    """Looks up units and procedures by code and day. Immutable."""

    def __init__(self, units: Iterable[Unit], procedures: Iterable[Procedure]) -> None:
        self.units = tuple(sorted(units, key=lambda u: (u.code, u.valid_from)))
        self.procedures = tuple(sorted(procedures, key=lambda p: (p.code, p.valid_from)))
        self._units: dict[str, list[Unit]] = {}
        self._procedures: dict[str, list[Procedure]] = {}
        for unit in self.units:
            self._units.setdefault(unit.code, []).append(unit)
        for procedure in self.procedures:
            self._procedures.setdefault(procedure.code, []).append(procedure)

    def unit(self, code: str, on: date) -> Unit | None:
        """The unit with this code on this day."""
        for unit in self._units.get(code, ()):
            if unit.valid_from <= on <= unit.valid_to:
                return unit
        return None

    def latest_unit(self, code: str) -> Unit | None:
        """The unit that had this code last."""
        versions = self._units.get(code)
        return versions[-1] if versions else None

    def procedure(self, code: str, on: date) -> Procedure | None:
        """What was in force for this procedure on this day."""
        for procedure in self._procedures.get(normal_procedure(code), ()):
            if procedure.valid_from <= on <= procedure.valid_to:
                return procedure
        return None

    def payment_procedures(
        self, period: Period, level: str | None = None
    ) -> frozenset[tuple[str, str]]:
        """(level, code) of procedures that had online payment at some day of the period."""
        return frozenset(
            (p.level, p.code)
            for p in self.procedures
            if p.payment_online
            and p.valid_from <= period.last
            and p.valid_to >= period.first
            and level in (None, p.level)
        )

    def title(self, code: str) -> str:
        """Name of a procedure, or its code where the catalogue does not know it."""
        versions = self._procedures.get(normal_procedure(code))
        return versions[-1].name if versions else code


def load_registry(*folders: Path) -> Registry:
    """The shipped registry with every ``*.toml`` of the folders added; missing folders are empty.

    Raises ``ValueError`` naming the file that is not a registry.
    """
    texts = [
        (file.name, file.read_text(encoding="utf-8"))
        for file in (resources.files("schemas") / "registry_data").iterdir()
        if file.name.endswith(".toml")
    ]
    for folder in folders:
        texts += [(str(f), f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.toml"))]
    units: list[Unit] = []
    procedures: list[Procedure] = []
    for name, text in texts:
        try:
            read = _File.model_validate(tomllib.loads(text))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        units += read.unit
        procedures += read.procedure
    return Registry(units, procedures)
