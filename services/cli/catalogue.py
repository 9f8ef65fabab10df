"""``motcua catalogue check``: what is wrong with a file of units and procedures, line by line.

The same models that read the file say what is wrong with a value; what only follows from several
entries together is found here. Everything is told in Vietnamese, at once.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar

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
from services.cli.say import number
from services.cli.toml_lines import Lines, lines_of, syntax_line, without_place

_NAMES = {"unit": "đơn vị", "procedure": "TTHC"}


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about a line of the file."""

    line: int
    rule: str
    """Stable, for scripts."""
    says: str
    """Vietnamese."""
    wrong: bool = True
    """False: it can be so, and somebody should look at it."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A file and what there is to say about it, by line."""

    remarks: tuple[Remark, ...]
    units: int
    procedures: int


def check(content: bytes, shipped: Registry | None = None) -> Examined:
    """Everything that is wrong, or worth a look, with a file that would be added to ``shipped``."""
    shipped = shipped or load_registry()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Examined(
            (Remark(line, "not_utf8", "Tệp không phải UTF-8. Lưu lại theo UTF-8."),), 0, 0
        )
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = syntax_line(str(error)) or text.count("\n") + 1
        says = f"Sai cú pháp TOML: {without_place(str(error))}"
        return Examined((Remark(line, "not_toml", says),), 0, 0)
    lines = lines_of(text)
    remarks, file = _read(raw, lines)
    remarks += _together(file, lines, shipped)
    remarks.sort(key=lambda remark: remark.line)
    return Examined(tuple(remarks), len(file.units), len(file.procedures))


def told(name: str, examined: Examined) -> str:
    """For people: one line for each remark, then the sum of it."""
    lines = [
        f"{name}:{r.line}: {'LỖI' if r.wrong else 'lưu ý'}: {r.says}" for r in examined.remarks
    ]
    wrong = sum(r.wrong for r in examined.remarks)
    end = f"{number(wrong)} lỗi" if wrong else "dùng được"
    lines.append(
        f"{name}: {number(examined.units)} đơn vị, {number(examined.procedures)} TTHC: {end}"
    )
    return "\n".join(lines)


def examined_json(examined: Examined) -> dict[str, Any]:
    """The same for programs."""
    return {
        "valid": not any(r.wrong for r in examined.remarks),
        "units": examined.units,
        "procedures": examined.procedures,
        "remarks": [asdict(remark) for remark in examined.remarks],
    }


# -- each entry by itself


@dataclass(frozen=True, slots=True)
class _File:
    """The entries that could be read, each with its place in the file."""

    units: Mapping[int, Unit]
    procedures: Mapping[int, Procedure]


def _read(raw: Mapping[str, Any], lines: Lines) -> tuple[list[Remark], _File]:
    """What is wrong with single values, and the entries that are right by themselves."""
    remarks: list[Remark] = []
    try:
        RegistryFile.model_validate(raw)
    except ValidationError as error:
        remarks = [_of_value(e, raw, lines) for e in error.errors(include_url=False)]
    return remarks, _File(_valid(raw, "unit", Unit), _valid(raw, "procedure", Procedure))


_E = TypeVar("_E", Unit, Procedure)


def _valid(raw: Mapping[str, Any], table: str, model: type[_E]) -> dict[int, _E]:
    found = {}
    entries = raw.get(table, [])
    for n, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            found[n] = model.model_validate(entry)
        except ValidationError:
            continue
    return found


def _of_value(error: ErrorDetails, raw: Mapping[str, Any], lines: Lines) -> Remark:
    place = error["loc"]
    rule, says = VALUE_RULES.get(error["type"], ("invalid", "giá trị không hợp lệ ({msg})"))
    context = {**error.get("ctx", {}), "msg": error["msg"]}
    if rule == "value" and (own := _OWN.get(str(context.get("error", "")))):
        rule, says = own
    field = str(place[2]) if len(place) > 2 else ""
    about = _entry(place, raw)
    hint = f". Cần: {_HINTS[field]}" if field in _HINTS else ""
    where = f"{about}: {field}: " if field else f"{about}: " if about else f"«{place[0]}»: "
    return Remark(lines.of(place), rule, f"{where}{says.format(**context)}{hint}")


def _entry(place: Sequence[str | int], raw: Mapping[str, Any]) -> str:
    if len(place) < 2 or place[0] not in _NAMES:
        return ""
    entry = raw[str(place[0])][place[1]]
    code = entry.get("code", "?") if isinstance(entry, dict) else "?"
    return f"{_NAMES[str(place[0])]} {code}"


VALUE_RULES: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "thiếu trường này"),
    "extra_forbidden": ("unknown_field", "không có trường này; kiểm tra chính tả"),
    "string_pattern_mismatch": ("pattern", "sai định dạng"),
    "string_type": ("text_expected", "phải là chuỗi trong dấu nháy"),
    "enum": ("value_unknown", "không có giá trị này"),
    "int_type": ("number_expected", "phải là số nguyên"),
    "int_parsing": ("number_expected", "phải là số nguyên"),
    "int_from_float": ("number_expected", "phải là số nguyên"),
    "greater_than_equal": ("too_small", "phải từ {ge} trở lên"),
    "less_than_equal": ("too_great", "không được quá {le}"),
    "bool_type": ("yes_or_no_expected", "phải là true hoặc false"),
    "bool_parsing": ("yes_or_no_expected", "phải là true hoặc false"),
    "date_type": ("date_expected", "phải là ngày, ví dụ 2023-01-01"),
    "date_parsing": ("date_expected", "phải là ngày, ví dụ 2023-01-01"),
    "date_from_datetime_parsing": ("date_expected", "phải là ngày, ví dụ 2023-01-01"),
    "date_from_datetime_inexact": ("date_expected", "phải là ngày không có giờ"),
    "time_type": ("time_expected", "phải là giờ, ví dụ 15:00:00"),
    "time_parsing": ("time_expected", "phải là giờ, ví dụ 15:00:00"),
    "tuple_type": ("list_expected", "phải là danh sách trong ngoặc vuông"),
    "model_type": ("table_expected", "phải là bảng: viết [[unit]] hoặc [[procedure]]"),
    "value_error": ("value", "{msg}"),
}
"""(rule, what to say) by pydantic's type of error: of every file that an office edits."""
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


def _together(file: _File, lines: Lines, shipped: Registry) -> Iterator[Remark]:
    yield from _overlaps("unit", file.units, lines)
    yield from _overlaps("procedure", file.procedures, lines)
    yield from _levels(file, lines, shipped)
    whole = Registry((*shipped.units, *file.units.values()), ())
    yield from _units(file.units, lines, whole)
    yield from _procedures(file.procedures, lines)
    yield from _replaced(file, lines, shipped)


def _overlaps(table: str, entries: Mapping[int, _E], lines: Lines) -> Iterator[Remark]:
    by_code: dict[str, list[int]] = {}
    for n, entry in entries.items():
        for other in by_code.get(entry.code, ()):
            before = entries[other]
            if entry.valid_from <= before.valid_to and before.valid_from <= entry.valid_to:
                day = max(entry.valid_from, before.valid_from)
                yield Remark(
                    lines.of((table, n)),
                    "overlap",
                    f"{_NAMES[table]} {entry.code} có hai mục cùng hiệu lực ngày {day:%d/%m/%Y}; "
                    f"mục kia ở dòng {lines.of((table, other))}. Đặt valid_to cho mục cũ",
                )
        by_code.setdefault(entry.code, []).append(n)


def _levels(file: _File, lines: Lines, shipped: Registry) -> Iterator[Remark]:
    known = {unit.level for unit in shipped.units}
    both: tuple[tuple[str, Mapping[int, Any]], ...] = (
        ("unit", file.units),
        ("procedure", file.procedures),
    )
    for table, entries in both:
        for n, entry in entries.items():
            if entry.level not in known:
                yield Remark(
                    lines.of((table, n, "level")),
                    "level_unknown",
                    f"{_NAMES[table]} {entry.code}: không có cấp «{entry.level}»; "
                    f"có: {', '.join(sorted(known))}",
                )


def _units(units: Mapping[int, Unit], lines: Lines, whole: Registry) -> Iterator[Remark]:
    for n, unit in units.items():
        if unit.became and unit.valid_to == FOR_EVER:
            yield Remark(
                lines.of(("unit", n, "became")),
                "became_without_end",
                f"đơn vị {unit.code}: có became mà không có valid_to",
            )
            continue
        for code in unit.became:
            morning = unit.valid_to + timedelta(days=1)
            if whole.unit(code, morning) is None:
                yield Remark(
                    lines.of(("unit", n, "became")),
                    "heir_unknown",
                    f"đơn vị {unit.code}: không có đơn vị {code} vào ngày {morning:%d/%m/%Y}",
                )
    yield from _same_names(units, lines)


def _same_names(units: Mapping[int, Unit], lines: Lines) -> Iterator[Remark]:
    for n, unit in units.items():
        for other, before in units.items():
            if other >= n or unit.code == before.code:
                continue
            names, others = (
                {spelling(name) for name in (u.name, *u.aliases)} for u in (unit, before)
            )
            together = unit.valid_from <= before.valid_to and before.valid_from <= unit.valid_to
            if together and names & others:
                yield Remark(
                    lines.of(("unit", n, "name")),
                    "same_name",
                    f"đơn vị {unit.code} trùng tên với {before.code} ở dòng "
                    f"{lines.of(('unit', other))}: tìm theo tên sẽ không ra",
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


def _procedures(procedures: Mapping[int, Procedure], lines: Lines) -> Iterator[Remark]:
    for n, procedure in procedures.items():
        for rule, field, looks, says in _LOOKS:
            if looks(procedure):
                yield Remark(
                    lines.of(("procedure", n, field)),
                    rule,
                    f"TTHC {procedure.code}: {says}",
                    wrong=False,
                )


def _replaced(file: _File, lines: Lines, shipped: Registry) -> Iterator[Remark]:
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
                    yield Remark(
                        lines.of((table, n)),
                        "replaces_shipped",
                        f"{_NAMES[table]} {entry.code}: thay cho mục «{old.name}» kèm theo sản "
                        f"phẩm, từ {first:%d/%m/%Y}{until}",
                        wrong=False,
                    )
