"""What can be wrong with the files that an office edits, and how it is told: file, line, words."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from services.cli.say import number
from services.cli.toml_lines import Lines, lines_of, syntax_line, without_place


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something about a line of a file."""

    file: str
    line: int
    rule: str
    """Stable, for scripts."""
    says: str
    """Vietnamese: what is wrong and how to put it right."""
    wrong: bool = True
    """False: it can be so, and somebody should look at it."""

    def told(self) -> str:
        """For people, as editors and compilers write it."""
        return f"{self.file}:{self.line}: {'LỖI' if self.wrong else 'lưu ý'}: {self.says}"


def verdict(faults: Iterable[Fault]) -> str:
    """Whether the files can be used, in a word or two."""
    wrong = sum(fault.wrong for fault in faults)
    return f"{number(wrong)} lỗi" if wrong else "dùng được"


def read_toml(name: str, content: bytes) -> tuple[dict[str, Any], Lines] | Fault:
    """What stands in a file and on which lines, or why it cannot be read."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return Fault(name, line, "not_utf8", "Tệp không phải UTF-8. Lưu lại theo UTF-8.")
    try:
        return tomllib.loads(text), lines_of(text)
    except tomllib.TOMLDecodeError as error:
        line = syntax_line(str(error)) or text.count("\n") + 1
        says = f"Sai cú pháp TOML: {without_place(str(error))}"
        return Fault(name, line, "not_toml", says)


_E = TypeVar("_E", bound=BaseModel)


def valid(raw: Mapping[str, Any], table: str, model: type[_E]) -> Iterator[tuple[int, _E]]:
    """The entries of a table that are right by themselves, each with its place."""
    entries = raw.get(table, [])
    for n, entry in enumerate(entries if isinstance(entries, list) else []):
        try:
            yield n, model.model_validate(entry)
        except ValidationError:
            continue


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
