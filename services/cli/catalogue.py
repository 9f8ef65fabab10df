"""``motcua catalogue check``: what is wrong with a file of units and procedures, line by line.

The same models that read the file say what is wrong with a value; what only follows from several
entries together is found here. Everything is told in Vietnamese, at once.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schemas.registry import (
    FOR_EVER,
    Procedure,
    Registry,
    RegistryFile,
    Unit,
    load_registry,
    spelling,
)
from schemas.words import ServiceLevel
from services.cli.faults import VALUE_RULES, Fault, read_toml, valid, verdict
from services.cli.say import number
from services.cli.toml_lines import Lines

_NAMES = {"unit": "đơn vị", "procedure": "TTHC"}


@dataclass(frozen=True, slots=True)
class Examined:
    """A file and what there is to say about it, by line."""

    faults: tuple[Fault, ...]
    units: int
    procedures: int


def check(name: str, content: bytes, shipped: Registry | None = None) -> Examined:
    """Everything that is wrong, or worth a look, with a file that would be added to ``shipped``."""
    read = read_toml(name, content)
    if isinstance(read, Fault):
        return Examined((read,), 0, 0)
    raw, lines = read
    file = _File(
        name, lines, dict(valid(raw, "unit", Unit)), dict(valid(raw, "procedure", Procedure))
    )
    faults = [*_values(file, raw), *_together(file, shipped or load_registry())]
    faults.sort(key=lambda fault: fault.line)
    return Examined(tuple(faults), len(file.units), len(file.procedures))


def told(name: str, examined: Examined) -> str:
    """For people: one line for each fault, then the sum of it."""
    lines = [fault.told() for fault in examined.faults]
    lines.append(
        f"{name}: {number(examined.units)} đơn vị, {number(examined.procedures)} TTHC: "
        f"{verdict(examined.faults)}"
    )
    return "\n".join(lines)


def examined_json(examined: Examined) -> dict[str, Any]:
    """The same for programs."""
    return {
        "valid": not any(fault.wrong for fault in examined.faults),
        "units": examined.units,
        "procedures": examined.procedures,
        "remarks": [
            {"line": f.line, "rule": f.rule, "says": f.says, "wrong": f.wrong}
            for f in examined.faults
        ],
    }


# -- each entry by itself


@dataclass(frozen=True, slots=True)
class _File:
    """The entries that could be read, each with its place in the file."""

    name: str
    lines: Lines
    units: Mapping[int, Unit]
    procedures: Mapping[int, Procedure]

    def fault(
        self, place: Sequence[str | int], rule: str, says: str, *, wrong: bool = True
    ) -> Fault:
        return Fault(self.name, self.lines.of(place), rule, says, wrong)


def _values(file: _File, raw: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with single values."""
    try:
        RegistryFile.model_validate(raw)
    except ValidationError as error:
        yield from (_of_value(file, e, raw) for e in error.errors(include_url=False))


def _of_value(file: _File, error: ErrorDetails, raw: Mapping[str, Any]) -> Fault:
    place = error["loc"]
    rule, says = VALUE_RULES.get(error["type"], ("invalid", "giá trị không hợp lệ ({msg})"))
    context = {**error.get("ctx", {}), "msg": error["msg"]}
    if rule == "value" and (own := _OWN.get(str(context.get("error", "")))):
        rule, says = own
    field = str(place[2]) if len(place) > 2 else ""
    about = _entry(place, raw)
    hint = f". Cần: {_HINTS[field]}" if field in _HINTS else ""
    where = f"{about}: {field}: " if field else f"{about}: " if about else f"«{place[0]}»: "
    return file.fault(place, rule, f"{where}{says.format(**context)}{hint}")


def _entry(place: Sequence[str | int], raw: Mapping[str, Any]) -> str:
    if len(place) < 2 or place[0] not in _NAMES:
        return ""
    entry = raw[str(place[0])][place[1]]
    code = entry.get("code", "?") if isinstance(entry, dict) else "?"
    return f"{_NAMES[str(place[0])]} {code}"


_OWN: Mapping[str, tuple[str, str]] = {
    "valid_to lies before valid_from": ("backwards", "valid_to trước valid_from"),
    "a time limit in days or in hours, not both": (
        "two_time_limits",
        "thời hạn theo ngày (days) hoặc theo giờ (hours), không cả hai",
    ),
    "a cut-off belongs to a time limit in days": (
        "cut_off_of_hours",
        "giờ chốt (cut_off) chỉ dùng cho thời hạn theo ngày",
    ),
}
_HINTS = {
    "code": "mã đơn vị, hoặc mã TTHC quốc gia như 1.001193, không có đuôi địa phương",
    "service": " hoặc ".join(level.value for level in ServiceLevel),
    "fee_vnd": "số đồng, không phí thì 0",
}


# -- entries together


def _together(file: _File, shipped: Registry) -> Iterator[Fault]:
    yield from _overlaps(file, "unit", file.units)
    yield from _overlaps(file, "procedure", file.procedures)
    yield from _levels(file, shipped)
    whole = Registry((*shipped.units, *file.units.values()), ())
    yield from _units(file, whole)
    yield from _procedures(file)
    yield from _replaced(file, shipped)


def _overlaps(
    file: _File, table: str, entries: Mapping[int, Unit] | Mapping[int, Procedure]
) -> Iterator[Fault]:
    by_code: dict[str, list[int]] = {}
    for n, entry in entries.items():
        for other in by_code.get(entry.code, ()):
            before = entries[other]
            if entry.valid_from <= before.valid_to and before.valid_from <= entry.valid_to:
                day = max(entry.valid_from, before.valid_from)
                yield file.fault(
                    (table, n),
                    "overlap",
                    f"{_NAMES[table]} {entry.code} có hai mục cùng hiệu lực ngày {day:%d/%m/%Y}; "
                    f"mục kia ở dòng {file.lines.of((table, other))}. Đặt valid_to cho mục cũ",
                )
        by_code.setdefault(entry.code, []).append(n)


def _levels(file: _File, shipped: Registry) -> Iterator[Fault]:
    known = {unit.level for unit in shipped.units}
    both: tuple[tuple[str, Mapping[int, Any]], ...] = (
        ("unit", file.units),
        ("procedure", file.procedures),
    )
    for table, entries in both:
        for n, entry in entries.items():
            if entry.level not in known:
                yield file.fault(
                    (table, n, "level"),
                    "level_unknown",
                    f"{_NAMES[table]} {entry.code}: không có cấp «{entry.level}»; "
                    f"có: {', '.join(sorted(known))}",
                )


def _units(file: _File, whole: Registry) -> Iterator[Fault]:
    for n, unit in file.units.items():
        if unit.became and unit.valid_to == FOR_EVER:
            yield file.fault(
                ("unit", n, "became"),
                "became_without_end",
                f"đơn vị {unit.code}: có became mà không có valid_to",
            )
            continue
        for code in unit.became:
            morning = unit.valid_to + timedelta(days=1)
            if whole.unit(code, morning) is None:
                yield file.fault(
                    ("unit", n, "became"),
                    "heir_unknown",
                    f"đơn vị {unit.code}: không có đơn vị {code} vào ngày {morning:%d/%m/%Y}",
                )
    yield from _same_names(file)


def _same_names(file: _File) -> Iterator[Fault]:
    for n, unit in file.units.items():
        for other, before in file.units.items():
            if other >= n or unit.code == before.code:
                continue
            names, others = (
                {spelling(name) for name in (u.name, *u.aliases)} for u in (unit, before)
            )
            together = unit.valid_from <= before.valid_to and before.valid_from <= unit.valid_to
            if together and names & others:
                yield file.fault(
                    ("unit", n, "name"),
                    "same_name",
                    f"đơn vị {unit.code} trùng tên với {before.code} ở dòng "
                    f"{file.lines.of(('unit', other))}: tìm theo tên sẽ không ra",
                    wrong=False,
                )


_LOOKS: tuple[tuple[str, str, Callable[[Procedure], bool], str], ...] = (
    (
        "payment_without_fee",
        "payment_online",
        lambda p: p.payment_online and p.fee_vnd == 0,
        "có thanh toán trực tuyến mà không có phí (fee_vnd = 0)",
    ),
    (
        "payment_without_service",
        "payment_online",
        lambda p: p.payment_online and p.service is ServiceLevel.NONE,
        'có thanh toán trực tuyến mà không cung cấp trực tuyến (service = "none")',
    ),
    (
        "fee_without_service",
        "fee_vnd",
        lambda p: p.fee_vnd > 0 and p.service is ServiceLevel.NONE and not p.payment_online,
        'có phí mà service = "none": hồ sơ không vào mẫu số của chỉ tiêu thanh toán trực tuyến',
    ),
    (
        "no_time_limit",
        "code",
        lambda p: p.days is None and p.hours is None,
        "không có days hoặc hours: phần mềm không báo hạn trả thì hạn sẽ là chưa biết",
    ),
    (
        "no_source",
        "source",
        lambda p: not p.source and not p.illustrative,
        "chưa ghi căn cứ (source); nếu là số minh họa thì đặt illustrative = true",
    ),
)
"""(rule, field, when, what to say): can be so, but is often a mistake."""


def _procedures(file: _File) -> Iterator[Fault]:
    for n, procedure in file.procedures.items():
        for rule, field, looks, says in _LOOKS:
            if looks(procedure):
                yield file.fault(
                    ("procedure", n, field),
                    rule,
                    f"TTHC {procedure.code}: {says}",
                    wrong=False,
                )


def _replaced(file: _File, shipped: Registry) -> Iterator[Fault]:
    both: tuple[tuple[str, Mapping[int, Unit | Procedure], Sequence[Unit | Procedure]], ...] = (
        ("unit", file.units, shipped.units),
        ("procedure", file.procedures, shipped.procedures),
    )
    for table, entries, there in both:
        for n, entry in entries.items():
            for old in there:
                first = max(entry.valid_from, old.valid_from)
                last = min(entry.valid_to, old.valid_to)
                if old.code == entry.code and first <= last and old != entry:
                    until = "" if last == FOR_EVER else f" đến {last:%d/%m/%Y}"
                    yield file.fault(
                        (table, n),
                        "replaces_shipped",
                        f"{_NAMES[table]} {entry.code}: thay cho mục «{old.name}» kèm theo sản "
                        f"phẩm, từ {first:%d/%m/%Y}{until}",
                        wrong=False,
                    )
