"""``motcua book check``: what does not add up in books and roadmaps, line by line, in Vietnamese.

The models that read the files say what is wrong with a value; what follows from several entries,
of one file or of several, is found here. Files given together are checked as one: a roadmap
against the book that it names.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas.books import (
    EVERY_YEAR,
    Book,
    Heading,
    Indicator,
    OutOfScope,
    Target,
    days_of,
    heading_row,
    unbalanced,
)
from schemas.registry import Registry
from schemas.roadmaps import Roadmap, filled
from services.books import FOLDER, BookRefused, Books, misnamed
from services.cli.book_indicators import indicator_faults
from services.cli.faults import VALUE_RULES, Fault, read_toml, valid, verdict
from services.cli.say import number
from services.cli.toml_lines import Lines


@dataclass(frozen=True, slots=True)
class Checked:
    """Files and what there is to say about them, by file and line."""

    faults: tuple[Fault, ...]
    indicators: int
    targets: int


@dataclass(frozen=True, slots=True)
class _Placed:
    """A target, and where it stands; in no file: in a book that is not checked itself."""

    target: Target
    file: str = ""
    line: int = 0
    fields: Mapping[str, int] | None = None

    def of(self, field: str) -> int:
        return (self.fields or {}).get(field, self.line)

    def fault(self, rule: str, says: str, field: str = "", *, wrong: bool = True) -> Fault:
        target = self.target
        whose = _whose(target)
        about = f"mục tiêu {target.indicator} {_period(target)}{f' của {whose}' if whose else ''}"
        return Fault(self.file, self.of(field), rule, f"{about}: {says}", wrong)

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.file else "trong bộ chỉ tiêu"


@dataclass(frozen=True, slots=True)
class _File:
    """One file as far as it could be read."""

    name: str
    lines: Lines
    book: str
    """Code of the book that it is, or that it belongs to."""
    is_book: bool
    population: str
    """Of a book."""
    headings: Mapping[int, Heading]
    indicators: Mapping[int, Indicator]
    out_of_scope: Mapping[int, OutOfScope]
    targets: tuple[_Placed, ...]


def check(files: Mapping[str, bytes], registry: Registry, books: Books) -> Checked:
    """Everything that is wrong, or worth a look, with files that would be used together.

    ``books`` has those that a roadmap may name without being checked together with them.
    """
    faults: list[Fault] = []
    read: list[_File] = []
    for name, content in files.items():
        found = _read(name, content, faults)
        if found is not None:
            read.append(found)
    for file in read:
        faults += _name(file)
        faults += _indicators(file, registry)
        if not any(fault.file == file.name for fault in faults):
            # a row that could not be read would be missing from the sum
            faults += _points(file)
    for code in dict.fromkeys(file.book for file in read):
        of_book = [file for file in read if file.book == code]
        faults += _of_book(code, of_book, registry, books)
    return Checked(
        tuple(sorted(set(faults))),
        sum(len(file.indicators) for file in read),
        sum(len(file.targets) for file in read),
    )


def told(names: Sequence[str], checked: Checked) -> str:
    """For people: one line for each fault, then the sum of it."""
    lines = [fault.told() for fault in checked.faults]
    lines.append(
        f"{', '.join(names)}: {number(checked.indicators)} chỉ tiêu, "
        f"{number(checked.targets)} mục tiêu: {verdict(checked.faults)}"
    )
    return "\n".join(lines)


# -- each entry by itself


def _read(name: str, content: bytes, faults: list[Fault]) -> _File | None:
    found = read_toml(name, content)
    if isinstance(found, Fault):
        faults.append(found)
        return None
    raw, lines = found
    is_book = "indicator" in raw or "book" not in raw
    model: type[BaseModel] = Book if is_book else Roadmap
    raw = raw if is_book else filled(raw)
    try:
        model.model_validate(raw)
    except ValidationError as error:
        # what is wrong with the file as a whole is told below, with both lines
        faults += [
            _of_value(name, e, raw, lines) for e in error.errors(include_url=False) if e["loc"]
        ]
    code = raw.get("code" if is_book else "book")
    targets = (
        _Placed(
            target,
            name,
            lines.of(("target", n)),
            {field: lines.of(("target", n, field)) for field in Target.model_fields},
        )
        for n, target in valid(raw, "target", Target)
    )
    return _File(
        name=name,
        lines=lines,
        book=code if isinstance(code, str) else "",
        is_book=is_book,
        population="received" if raw.get("population") == "received" else "closed",
        headings=dict(valid(raw, "heading", Heading)),
        indicators=dict(valid(raw, "indicator", Indicator)),
        out_of_scope=dict(valid(raw, "out_of_scope", OutOfScope)),
        targets=tuple(targets),
    )


def _of_value(name: str, error: Mapping[str, Any], raw: Mapping[str, Any], lines: Lines) -> Fault:
    place = error["loc"]
    rule, says = _RULES.get(error["type"], ("invalid", "giá trị không hợp lệ ({msg})"))
    context = {**error.get("ctx", {}), "msg": error["msg"]}
    if rule == "value":
        rule, says = _OWN.get(str(context.get("error", "")), (rule, says))
    field = str(place[2]) if len(place) > 2 else ""
    if rule == "pattern" and field == "period":
        says = 'viết "2023", "2023-Q3" hoặc "2023-09"; mọi năm thì thay năm bằng *'
    about = _entry(place, raw)
    where = ": ".join(part for part in (about, field) if part) or f"«{place[0]}»"
    return Fault(name, lines.of(place), rule, f"{where}: {says.format(**context)}")


def _entry(place: Sequence[str | int], raw: Mapping[str, Any]) -> str:
    if len(place) < 2 or place[0] not in _NAMES:
        return ""
    entry = raw[str(place[0])][place[1]]
    name, key = _NAMES[str(place[0])]
    told = entry.get(key, "?") if isinstance(entry, dict) else "?"
    return f"{name} {told}"


_NAMES = {
    "indicator": ("chỉ tiêu", "code"),
    "target": ("mục tiêu", "indicator"),
    "heading": ("nhóm", "row"),
    "out_of_scope": ("ngoài phạm vi", "row"),
}
"""By the table: what an entry is called, and the field that tells it from others."""
_RULES: Mapping[str, tuple[str, str]] = {
    **VALUE_RULES,
    "literal_error": ("value_unknown", "không có giá trị này; có: {expected}"),
    "greater_than_equal": ("percent_out_of_range", "phải từ 0 đến 100"),
    "less_than_equal": ("percent_out_of_range", "phải từ 0 đến 100"),
    "tuple_type": ("list_expected", "phải là danh sách; mục thì viết [[indicator]], [[target]]"),
    "model_type": ("table_expected", "phải là bảng: viết [[indicator]] hoặc [[target]]"),
}
_OWN: Mapping[str, tuple[str, str]] = {
    'write the percentage as text, such as "97.5"': (
        "percent_not_exact",
        'viết tỷ lệ thành chuỗi, dấu chấm thập phân, ví dụ "97.5"',
    ),
    "a target of a unit or of a level, not both": (
        "unit_and_level",
        "của một đơn vị (unit) hoặc của một cấp (level), không cả hai",
    ),
    "an officer's target names the unit": (
        "officer_without_unit",
        "mục tiêu của cán bộ (officer) phải ghi đơn vị (unit)",
    ),
}


def _name(file: _File) -> Iterator[Fault]:
    """Where an installation keeps its books a file is found by its name."""
    path = PurePath(file.name)
    if file.is_book and path.parent.name == FOLDER and (wrong := misnamed(path, file.book)):
        rule, _, says = wrong
        yield Fault(file.name, file.lines.of(("code",)), rule, says)


# -- indicators


def _indicators(file: _File, registry: Registry) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for n, indicator in file.indicators.items():
        line = file.lines.of(("indicator", n, "code"))
        if indicator.code in first:
            says = f"chỉ tiêu {indicator.code}: mã đã dùng ở dòng {first[indicator.code]}; đổi mã"
            yield Fault(file.name, line, "code_twice", says)
        first.setdefault(indicator.code, line)
        for rule, field, says in indicator_faults(indicator, file.population, registry):
            line = file.lines.of(("indicator", n, field))
            yield Fault(file.name, line, rule, f"chỉ tiêu {indicator.code}: {field}: {says}")


def _points(file: _File) -> Iterator[Fault]:
    """Where the points of a heading are not those of the rows under it."""
    entries: list[Indicator | OutOfScope] = [*file.indicators.values(), *file.out_of_scope.values()]
    lines = {heading.row: ("heading", n) for n, heading in file.headings.items()}
    for table, rows in (("indicator", file.indicators), ("out_of_scope", file.out_of_scope)):
        for n in rows:
            lines.setdefault(heading_row(rows[n]), (table, n))
    for row, given in unbalanced(file.headings.values(), entries).items():
        says = (
            f"nhóm {row}: các hàng cho {number(float(given), 2)} điểm, khác với points của nhóm; "
            "sửa [[heading]], [[indicator]] hoặc [[out_of_scope]]"
        )
        yield Fault(file.name, file.lines.of(lines[row]), "points_do_not_add_up", says)


# -- targets, of all files of a book together


def _of_book(
    code: str, files: Sequence[_File], registry: Registry, books: Books
) -> Iterator[Fault]:
    indicators = {i.code: i for file in files for i in file.indicators.values()}
    targets = [target for file in files for target in file.targets]
    if not any(file.is_book for file in files):
        try:
            book = books.load(code)
        except BookRefused as refused:
            says = (
                f"bộ chỉ tiêu «{code}»: {refused.told[1]} (hoặc sửa mã, chọn --data khác, kiểm tra "
                "cùng lúc với tệp của bộ chỉ tiêu)"
            )
            for file in files:
                yield Fault(file.name, file.lines.of(("book",)), refused.rule, says)
            return
        indicators = {i.code: i for i in book.indicators}
        targets = [*map(_Placed, book.targets), *targets]
    yield from _unanswered(files, targets)
    known: list[_Placed] = []
    for target in targets:
        faults = list(_alone(target, indicators, registry))
        yield from faults
        if not faults:
            known.append(target)
    yield from _twice(known)
    # of several that replace each other the one valid last is the one to add up
    last: dict[Any, _Placed] = {}
    for target in sorted(known, key=lambda p: p.target.valid_from):
        last[target.target.key] = target
    whole = _Whole(tuple(last.values()), registry)
    yield from whole.roadmaps()
    yield from whole.officers()


def _unanswered(files: Sequence[_File], targets: Sequence[_Placed]) -> Iterator[Fault]:
    told = {
        p.target.indicator
        for p in targets
        if p.target.who == (None, None, None) and len(p.target.months) == 12
    }
    for file in files:
        for n, indicator in file.indicators.items():
            if indicator.code not in told:
                says = (
                    f"chỉ tiêu {indicator.code}: chưa có mục tiêu năm chung; thêm [[target]] không "
                    "ghi unit, level, officer"
                )
                yield Fault(file.name, file.lines.of(("indicator", n)), "no_target", says)


def _alone(
    placed: _Placed, indicators: Mapping[str, Indicator], registry: Registry
) -> Iterator[Fault]:
    target = placed.target
    if not placed.file:
        return
    levels = sorted({unit.level for unit in registry.units})
    indicator = indicators.get(target.indicator)
    if indicator is None:
        says = f"không có chỉ tiêu này; có: {', '.join(sorted(indicators))}"
        yield placed.fault("indicator_unknown", says, "indicator")
        return
    if target.level is not None and target.level not in levels:
        says = f"không có cấp «{target.level}»; có: {', '.join(levels)}"
        yield placed.fault("level_unknown", says, "level")
    elif indicator.level and target.level not in (None, indicator.level):
        says = f"chỉ tiêu này chỉ của cấp {indicator.level}; bỏ mục tiêu hoặc sửa level"
        yield placed.fault("level_does_not_answer", says, "level")
    if target.unit is not None:
        units = [unit for unit in registry.units if unit.code == target.unit]
        if target.year != EVERY_YEAR:
            days = days_of(int(target.year), target.months)
            units = [u for u in units if u.valid_from <= days.last and days.first <= u.valid_to]
        if not units:
            says = f"danh mục không có đơn vị {target.unit} trong kỳ này; sửa unit hoặc danh mục"
            yield placed.fault("unit_unknown", says, "unit")
        elif indicator.level and all(unit.level != indicator.level for unit in units):
            says = f"chỉ tiêu này chỉ của cấp {indicator.level}, đơn vị {target.unit} không thuộc"
            yield placed.fault("level_does_not_answer", says, "unit")
    if target.year != EVERY_YEAR and target.valid_from > (
        last := days_of(int(target.year), target.months).last
    ):
        says = (
            f"có hiệu lực từ {target.valid_from:%d/%m/%Y}, sau khi kỳ đã hết ({last:%d/%m/%Y}); "
            "sửa valid_from hoặc period"
        )
        yield placed.fault("date_outside_period", says, "valid_from")


def _twice(targets: Iterable[_Placed]) -> Iterator[Fault]:
    first: dict[Any, _Placed] = {}
    for placed in targets:
        key = placed.target.key, placed.target.valid_from
        if key in first:
            says = (
                f"đã có mục tiêu cùng hiệu lực ở {first[key].place}; bỏ một, hoặc ghi valid_from "
                "cho cái thay thế"
            )
            yield placed.fault("two_in_force", says)
        first.setdefault(key, placed)


@dataclass(frozen=True, slots=True)
class _Whole:
    """All targets of a book that stand by themselves, each thing once."""

    targets: tuple[_Placed, ...]
    registry: Registry

    def roadmaps(self) -> Iterator[Fault]:
        """A roadmap rises to the year's target, and a quarter ends as its last month does."""
        groups: dict[Any, list[_Placed]] = {}
        for placed in self.targets:
            target = placed.target
            if len(target.months) < 12:
                groups.setdefault((target.indicator, target.who, target.year), []).append(placed)
        for steps in groups.values():
            steps.sort(key=lambda p: (p.target.months[-1], -len(p.target.months)))
            yield from self._rises(steps)
            yield from self._arrives(steps)

    def _rises(self, steps: Sequence[_Placed]) -> Iterator[Fault]:
        for before, after in pairwise(steps):
            one, two = before.target, after.target
            if one.months[-1] == two.months[-1]:
                if one.percent != two.percent:
                    says = (
                        f"{_percent(one)}, mà tháng cuối quý ghi {_percent(two)} ({after.place}); "
                        "lộ trình là tỷ lệ lũy kế, hai số phải bằng nhau"
                    )
                    yield before.fault("quarter_unlike_month", says, "percent")
            elif two.percent < one.percent:
                says = (
                    f"{_percent(two)}, thấp hơn {_period(one)} ({_percent(one)}, {before.place}); "
                    "lộ trình không được giảm"
                )
                yield after.fault("roadmap_falls", says, "percent")

    def _arrives(self, steps: Sequence[_Placed]) -> Iterator[Fault]:
        year = self._year_target(steps[-1].target)
        if year is None:
            return
        asked = f"mục tiêu năm {_percent(year.target)} ({year.place})"
        if steps[-1].target.months[-1] < 12:
            says = f"là bước cuối của lộ trình; thêm tháng 12 hoặc quý 4 để đạt {asked}"
            yield steps[-1].fault("roadmap_unfinished", says, wrong=False)
        for step in steps:
            if step.target.months[-1] == 12 and step.target.percent < year.target.percent:
                says = f"{_percent(step.target)}, thấp hơn {asked}; nâng lên cho bằng"
                yield step.fault("ends_below_year", says, "percent")

    def officers(self) -> Iterator[Fault]:
        """A unit's rate lies between its officers' rates, so they must not all stay below it."""
        shares: dict[Any, list[_Placed]] = {}
        for placed in self.targets:
            target = placed.target
            if target.officer is not None:
                key = target.indicator, target.unit, target.period
                shares.setdefault(key, []).append(placed)
        for group in shares.values():
            unit = self._unit_target(group[0].target)
            if unit is None:
                continue
            low = [p for p in group if p.target.percent < unit.target.percent]
            hopeless = len(low) == len(group)
            for placed in low:
                asked = f"mục tiêu của đơn vị {_percent(unit.target)} ({unit.place})"
                says = f"{_percent(placed.target)}, thấp hơn {asked}; " + (
                    "mọi cán bộ đều thấp hơn nên đơn vị không thể đạt, nâng phần giao lên"
                    if hopeless
                    else "đơn vị có đạt hay không tùy số hồ sơ của từng người"
                )
                yield placed.fault("shares_below_unit", says, "percent", wrong=hopeless)

    def _year_target(self, target: Target) -> _Placed | None:
        """The year's target that the steps lead to: their own, else that of a whole around them."""
        found = [p for p in self._around(target) if len(p.target.months) == 12]
        return max(found, key=lambda p: p.target.specific, default=None)

    def _unit_target(self, target: Target) -> _Placed | None:
        """What the officer's unit owes for the same period; the year's where nothing is said."""
        found = [
            p
            for p in self._around(target)
            if p.target.officer is None
            and (p.target.months == target.months or len(p.target.months) == 12)
        ]
        return max(found, key=lambda p: p.target.specific, default=None)

    def _around(self, target: Target) -> Iterator[_Placed]:
        levels = {u.level for u in self.registry.units if u.code == target.unit} | {target.level}
        for placed in self.targets:
            other = placed.target
            if (
                other.indicator == target.indicator
                and other.year in (EVERY_YEAR, target.year)
                and other.unit in (None, target.unit)
                and other.officer in (None, target.officer)
                and (other.level is None or other.level in levels)
            ):
                yield placed


def _whose(target: Target) -> str:
    if target.officer is not None:
        return f"cán bộ {target.officer}, đơn vị {target.unit}"
    if target.unit is not None:
        return f"đơn vị {target.unit}"
    return f"cấp {target.level}" if target.level is not None else ""


def _period(target: Target) -> str:
    part = target.period.partition("-")[2]
    year = "mọi năm" if target.year == EVERY_YEAR else f"năm {target.year}"
    if not part:
        return year
    return f"quý {part[1:]} {year}" if part.startswith("Q") else f"tháng {int(part)} {year}"


def _percent(target: Target) -> str:
    exact = target.percent
    if exact.denominator == 1:
        return f"{exact.numerator} %"
    return f"{float(exact):g} %".replace(".", ",")
