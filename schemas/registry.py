"""Units and procedures with the time in which each version was in force, as data files.

Shipped files lie in ``registry_data``; an installation adds its own in its data folder, and what
it says of a day counts before what is shipped.
"""

import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from importlib import resources
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.books import Period
from schemas.text import UnitCode
from schemas.words import ServiceLevel

FOR_EVER = date(9999, 12, 31)
SINCE_EVER = date(1970, 1, 1)


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Version(_Data):
    """Something that was so from one day to another."""

    code: str
    valid_from: date = SINCE_EVER
    valid_to: date = FOR_EVER
    """Last day of validity."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("valid_to lies before valid_from")
        return self

    def holds(self, on: date) -> bool:
        """Whether this was in force on the day."""
        return self.valid_from <= on <= self.valid_to


class Unit(_Version):
    """An organisational unit that receives dossiers. Identity: (code, valid_from).

    A code says nothing alone: the statistics office gives those of abolished units to others.
    """

    code: UnitCode
    name: str
    level: str
    """``district`` or ``commune``; data, not an enum: levels come and go."""
    aliases: tuple[str, ...] = ()
    """Other names that files use for it; mere spellings (Đắk, Đăk) need none."""
    became: tuple[UnitCode, ...] = ()
    """Codes of the units that took its work over on the day after ``valid_to``."""
    illustrative: bool = False
    """True when the change is not from a cited source («minh họa»)."""
    source: str = ""


class Procedure(_Version):
    """What the catalogue says of an administrative procedure in some time."""

    code: str = Field(pattern=r"^[123]\.\d{6}$")
    """National code, without a local suffix."""
    name: str
    level: str
    """Level of the units that handle it."""
    service: ServiceLevel
    fee_vnd: int = Field(ge=0, strict=True)
    payment_online: bool = Field(strict=True)
    """Online payment is deployed for it."""
    days: int | None = Field(None, ge=0, le=365, strict=True)
    """Working days within which the result is owed; 0: the same day."""
    hours: int | None = Field(None, ge=1, le=80, strict=True)
    """Or the working hours within which it is owed."""
    cut_off: time | None = None
    """Received later than this, the clock starts on the next working day; None: at the close."""
    illustrative: bool = False
    """True when the times or fees are not from a cited source («minh họa»)."""
    source: str = ""

    @model_validator(mode="after")
    def _one_time_limit(self) -> Self:
        if self.days is not None and self.hours is not None:
            raise ValueError("a time limit in days or in hours, not both")
        if self.hours is not None and self.cut_off is not None:
            raise ValueError("a cut-off belongs to a time limit in days")
        return self


def normal_procedure(code: str) -> str:
    """The national code without a local suffix: ``1.001193.000.00.00.H56`` -> ``1.001193``."""
    return code[:8]


class RegistryFile(_Data):
    """What stands in one file."""

    units: tuple[Unit, ...] = Field((), alias="unit")
    procedures: tuple[Procedure, ...] = Field((), alias="procedure")


class Registry:
    """Looks up units and procedures by code and day. Immutable.

    Where two versions say something of the same day, the one given later counts for it.
    """

    def __init__(self, units: Iterable[Unit], procedures: Iterable[Procedure]) -> None:
        self._units = _by_code(units)
        self._procedures = _by_code(procedures)
        self.units = tuple(u for versions in self._units.values() for u in versions)
        """By code, then in the order of time; no two of a code hold on the same day."""
        self.procedures = tuple(p for versions in self._procedures.values() for p in versions)

    def unit(self, code: str, on: date) -> Unit | None:
        """The unit with this code on this day."""
        return next((u for u in self._units.get(code, ()) if u.holds(on)), None)

    def latest_unit(self, code: str) -> Unit | None:
        """The unit that had this code last."""
        versions = self._units.get(code)
        return versions[-1] if versions else None

    def last_unit_before(self, code: str, on: date) -> Unit | None:
        """The unit that had this code last, among those that were no more on this day."""
        gone = [u for u in self._units.get(code, ()) if u.valid_to < on]
        return gone[-1] if gone else None

    def find_unit(self, text: str, on: date | None = None) -> Unit | None:
        """The unit that the text names: by code, name or alias, in any spelling.

        ``Đắk``, ``Đăk`` and ``Dak`` are the same, so are ``Ngọk`` and ``Ngok``, and both forms of
        Unicode; the words «Xã», «Thị trấn» and «UBND» before the name do not matter. Without a day
        the latest version of each code is meant. None when nothing fits, or more than one does.
        """
        versions = {
            code: self.unit(code, on) if on else self.latest_unit(code) for code in self._units
        }
        there = [unit for unit in versions.values() if unit is not None]
        if text.strip() in versions:
            return versions[text.strip()]
        for form in (_composed, spelling):
            wanted = form(text)
            found = [u for u in there if wanted in map(form, (u.name, *u.aliases))]
            if found:
                return found[0] if len(found) == 1 else None
        return None

    def heirs(self, unit: Unit, on: date) -> tuple[Unit, ...]:
        """The units that do this unit's work on a day at or after its end; itself while it holds.

        One heir means that figures of the unit can be shown under it; several, that they cannot.
        Empty when nobody is known to.
        """
        if on <= unit.valid_to:
            return (unit,)
        morning = unit.valid_to + timedelta(days=1)
        found: dict[tuple[str, date], Unit] = {}
        for code in unit.became:
            heir = self.unit(code, morning)
            if heir is not None:
                found.update({(h.code, h.valid_from): h for h in self.heirs(heir, on)})
        return tuple(found.values())

    def forebears(self, unit: Unit) -> tuple[Unit, ...]:
        """The units whose work this one took over, when it began or later, by code."""
        return tuple(
            u
            for u in self.units
            if unit.code in u.became and unit.holds(u.valid_to + timedelta(days=1))
        )

    def procedure(self, code: str, on: date) -> Procedure | None:
        """What was in force for this procedure on this day."""
        versions = self._procedures.get(normal_procedure(code), ())
        return next((p for p in versions if p.holds(on)), None)

    def payment_procedures(
        self, period: Period, level: str | None = None
    ) -> frozenset[tuple[str, str]]:
        """(level, code) of procedures that had online payment at some day of the period."""
        return frozenset(
            (p.level, p.code) for p in self._in_force(period, level) if p.payment_online
        )

    def fee_procedures(
        self, period: Period, level: str | None = None
    ) -> frozenset[tuple[str, str]]:
        """(level, code) of procedures that had a fee at some day of the period."""
        return frozenset((p.level, p.code) for p in self._in_force(period, level) if p.fee_vnd)

    def _in_force(self, period: Period, level: str | None) -> Iterator[Procedure]:
        for procedure in self.procedures:
            if (
                procedure.valid_from <= period.last
                and procedure.valid_to >= period.first
                and level in (None, procedure.level)
            ):
                yield procedure

    def title(self, code: str) -> str:
        """Name of a procedure, or its code where the catalogue does not know it."""
        versions = self._procedures.get(normal_procedure(code))
        return versions[-1].name if versions else code


_V = TypeVar("_V", bound=_Version)


def _by_code(versions: Iterable[_V]) -> dict[str, Sequence[_V]]:
    """The versions of each code in the order of time, codes sorted, none overlapping."""
    found: dict[str, list[_V]] = {}
    for new in versions:
        left = [piece for old in found.get(new.code, []) for piece in _outside(old, new)]
        found[new.code] = [*left, new]
    return {code: sorted(found[code], key=lambda v: v.valid_from) for code in sorted(found)}


def _outside(old: _V, new: _V) -> list[_V]:
    """What is left of the old version where the new one says nothing."""
    if new.valid_to < old.valid_from or old.valid_to < new.valid_from:
        return [old]
    left = []
    if old.valid_from < new.valid_from:
        eve = new.valid_from - timedelta(days=1)
        left.append(old.model_copy(update={"valid_to": eve}))
    if new.valid_to < old.valid_to:
        morning = new.valid_to + timedelta(days=1)
        left.append(old.model_copy(update={"valid_from": morning}))
    return left


def units_toml(units: Iterable[Unit]) -> str:
    """The units as a file of a registry has them."""
    return "\n".join(
        "[[unit]]\n"
        # JSON's strings and lists are TOML's too
        + "".join(
            f"{name} = {value.isoformat() if isinstance(value, date) else json.dumps(value)}\n"
            for name, value in unit.model_dump(exclude_defaults=True).items()
        )
        for unit in units
    )


_BEFORE_A_NAME = re.compile(r"^(?:(?:ubnd|uy ban nhan dan|xa|thi tran|phuong|huyen) )+")


def spelling(name: str) -> str:
    """What different spellings of a name share: ``Xã Đắk PXi`` and ``UBND xã Đăk Pxi`` alike."""
    bare = unicodedata.normalize("NFD", name.casefold()).replace("đ", "d")
    letters = "".join(c for c in bare if not unicodedata.combining(c))
    return _BEFORE_A_NAME.sub("", " ".join(re.findall(r"\w+", letters)))


def _composed(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def load_registry(*folders: Path) -> Registry:
    """The shipped registry with every ``*.toml`` of the folders added; missing folders are empty.

    A later file counts before an earlier one, an installation's own before the shipped ones.
    Raises ``ValueError`` naming the file that is not a registry.
    """
    shipped = [
        (file.name, file.read_text(encoding="utf-8"))
        for file in (resources.files("schemas") / "registry_data").iterdir()
        if file.name.endswith(".toml")
    ]
    texts = sorted(shipped)
    for folder in folders:
        texts += [(str(f), f.read_text(encoding="utf-8")) for f in sorted(folder.glob("*.toml"))]
    units: list[Unit] = []
    procedures: list[Procedure] = []
    for name, text in texts:
        try:
            read = RegistryFile.model_validate(tomllib.loads(text))
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
        units += read.units
        procedures += read.procedures
    return Registry(units, procedures)
