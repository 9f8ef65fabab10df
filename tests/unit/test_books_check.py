"""``motcua book check``: what does not add up, with file and line, in Vietnamese."""

import tempfile
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from schemas.books import Book
from schemas.registry import Registry, RegistryFile, load_registry
from services.books import BookRefused, Books
from services.cli.book import check
from services.cli.main import app

BOOK = """code = "xa-2023"
version = 1
title = "Chỉ tiêu"
document = "QĐ 1"

[[indicator]]
code = "online"
row = "1"
title = "Trực tuyến"
short = "Trực tuyến"
answers = "UBND xã"
level = "commune"
scope = ["resolved"]
hit = ["filed_online"]
source = "QĐ 1"

[[target]]
indicator = "online"
percent = "60"
document = "QĐ 1"
"""
REGISTRY = load_registry()
NOWHERE = Path("/nowhere")
HEAD = 'book = "xa-2023"\ndocument = "KH 2"\n'


def step(percent: str, period: str = "2023", *lines: str) -> str:
    text = f'[[target]]\nindicator = "online"\npercent = "{percent}"\nperiod = "{period}"\n'
    return text + "".join(f"{line}\n" for line in lines)


def faults(*files: str, wrong: bool = True, data: Path | None = None) -> list[tuple[str, int, str]]:
    named = {f"{n}.toml": text.encode() for n, text in enumerate(files)}
    found = check(named, REGISTRY, Books(data or NOWHERE))
    return [(f.file, f.line, f.rule) for f in found.faults if f.wrong is wrong]


def in_roadmap(*steps: str, wrong: bool = True) -> list[tuple[int, str]]:
    found = faults(BOOK, HEAD + "".join(steps), wrong=wrong)
    assert all(file == "1.toml" for file, _, _ in found)
    return [(line, rule) for _, line, rule in found]


def test_a_right_book_with_a_right_roadmap_has_nothing_to_say_about():
    good = [step("40", "2023-Q1"), step("50", "2023-06"), step("50", "2023-Q2")]
    good += [step("60", "2023-12"), step("60", "2023", 'unit = "23500"', 'officer = "cb"')]
    assert faults(BOOK, HEAD + "".join(good)) == []
    assert faults(BOOK, HEAD + "".join(good), wrong=False) == []


def test_the_shipped_books_and_roadmaps_add_up():
    folder = resources.files("schemas") / "books_data"
    files = [*folder.iterdir(), *(folder / "roadmaps").iterdir()]
    read = {f.name: f.read_bytes() for f in files if f.name.endswith(".toml")}
    found = check(read, REGISTRY, Books(NOWHERE))
    assert (found.faults, found.indicators) == ((), 13)
    assert found.targets > 50


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ('percent = "60"', 'percent = "101"', 19, "percent_out_of_range"),
        ('percent = "60"', 'percent = "-1"', 19, "percent_out_of_range"),
        ('percent = "60"', "percent = 60.5", 19, "percent_not_exact"),
        ('percent = "60"', 'percent = "60"\nperiod = "2023-13"', 20, "pattern"),
        ('percent = "60"', 'percent = "60"\nofficer = "cb"', 17, "officer_without_unit"),
        ('percent = "60"', 'percent = "60"\nvalid_from = "mai"', 20, "date_expected"),
        ('percent = "60"', 'percent = "60"\nwho = "x"', 20, "unknown_field"),
        ('hit = ["filed_online"]', 'hit = ["filed"]', 14, "fact_unknown"),
        ('hit = ["filed_online"]', 'hit = ["withdrawn"]', 14, "contradiction"),
        ('scope = ["resolved"]', 'scope = ["on_time", "late"]', 13, "contradiction"),
        ('scope = ["resolved"]', 'scope = ["rejected", "late"]', 13, "contradiction"),
        ('hit = ["filed_online"]', 'hit = ["resolved"]', 14, "always_met"),
        ('hit = ["filed_online"]', "hit = []", 14, "always_met"),
        ('level = "commune"', 'level = "tinh"', 12, "level_unknown"),
        ('level = "commune"', 'counts = "procedures"', 13, "procedures_uncounted"),
        ('level = "commune"', 'counts = "people"', 12, "value_unknown"),
        ('title = "Trực tuyến"\n', "", 6, "missing"),
        ("[[indicator]]", "[[indicators]]", 6, "unknown_field"),
        ('document = "QĐ 1"\n\n', 'document = "QĐ 1\n\n', 4, "not_toml"),
        ('level = "commune"', "carried_over = true", 12, "carried_over_misplaced"),
        ('level = "commune"', "points = 5", 6, "points_do_not_add_up"),
        ('level = "commune"', "points = 101", 12, "percent_out_of_range"),
        ('hit = ["filed_online"]', 'hit = ["in_time"]', 14, "fact_unknown"),
        ("\n[[indicator]]", '\npopulation = "seen"\n[[indicator]]', 6, "value_unknown"),
    ],
)
def test_a_mistake_is_told_with_its_line(old, new, line, rule):
    """Whoever edits the file sees it in an editor, by lines."""
    assert old in BOOK
    assert ("0.toml", line, rule) in faults(BOOK.replace(old, new, 1))


RECEPTIONS = (
    'code = "x"\nversion = 1\ntitle = "x"\ndocument = "x"\npopulation = "received"\n'
    '[[heading]]\nrow = "1"\ntitle = "x"\npoints = 8\n'
    '[[indicator]]\ncode = "online"\nrow = "1.1"\ntitle = "x"\nshort = "x"\nanswers = "x"\n'
    'scope = ["received"]\nhit = ["in_time"]\nsource = "x"\npoints = 5\ncarried_over = true\n'
    '[[out_of_scope]]\nrow = "1.2"\ntitle = "x"\nreason = "x"\nsource = "x"\npoints = 3\n'
    '[[target]]\nindicator = "online"\npercent = "90"\ndocument = "x"\n'
)


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ("", "", 0, ""),
        ("points = 5", "points = 4", 6, "points_do_not_add_up"),
        ("points = 3", 'points = "3.5"', 6, "points_do_not_add_up"),
        ("points = 3", "", 6, "points_do_not_add_up"),
        ("points = 3", 'points = 3\nheading = "2"', 6, "points_do_not_add_up"),
        ('hit = ["in_time"]', 'hit = ["in_tyme"]', 17, "fact_unknown"),
        ('reason = "x"\n', "", 21, "missing"),
        ('"received"\n', '"closed"\n', 20, "carried_over_misplaced"),
    ],
)
def test_a_book_with_points_and_rows_out_of_scope_adds_up(old, new, line, rule):
    """A district that writes its own scoring sees at once where a hundred is not a hundred."""
    text = RECEPTIONS.replace(old, new, 1) if old else RECEPTIONS

    found = faults(text)

    if rule:
        assert ("0.toml", line, rule) in found
        with pytest.raises(BookRefused):
            loaded(text)
    else:
        assert found == []
        loaded(text)


def loaded(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "books").mkdir()
        (Path(folder) / "books" / "x.toml").write_text(text, encoding="utf-8")
        Books(Path(folder)).load("x")


def test_an_indicator_needs_its_own_code_and_a_target():
    table = BOOK[BOOK.index("[[indicator]]") : BOOK.index("[[target]]")]
    assert faults(BOOK + table) == [("0.toml", 22, "code_twice")]
    assert faults(BOOK.replace("[[target]]", '[[target]]\nlevel = "commune"')) == [
        ("0.toml", 6, "no_target")
    ]


def test_a_roadmap_that_falls_is_told():
    assert in_roadmap(step("50", "2023-01"), step("49.9", "2023-02"), step("60", "2023-12")) == [
        (9, "roadmap_falls")
    ]
    # the order in the file means nothing, and level is no fall
    assert in_roadmap(step("60", "2023-Q4"), step("50", "2023-02"), step("50", "2023-01")) == []


def test_a_roadmap_must_end_at_the_years_target():
    assert in_roadmap(step("59", "2023-12")) == [(5, "ends_below_year")]
    assert in_roadmap(step("59.99", "2023-Q4")) == [(5, "ends_below_year")]
    assert in_roadmap(step("60", "2023-12")) == []
    of_unit = 'unit = "23500"'
    assert in_roadmap(step("70", "2023", of_unit), step("65", "2023-12", of_unit)) == [
        (10, "ends_below_year")
    ]
    assert in_roadmap(step("70", "2023", 'unit = "23503"'), step("65", "2023-12", of_unit)) == []
    assert in_roadmap(step("50", "2023-11"), wrong=False) == [(3, "roadmap_unfinished")]
    # what another year asks for is nothing to this one
    assert in_roadmap(step("70", "2024"), step("60", "2023-12")) == []
    assert in_roadmap(step("70", "*"), step("60", "2023-12"))[1:] == [(9, "ends_below_year")]


def test_a_quarter_must_end_as_its_last_month_does():
    assert in_roadmap(step("50", "2023-Q3"), step("51", "2023-09"), step("60", "2023-12")) == [
        (5, "quarter_unlike_month")
    ]
    # another year, another unit: another roadmap
    assert in_roadmap(step("50", "2023-Q3"), step("51", "2024-09")) == []
    assert in_roadmap(step("50", "2023-Q3"), step("51", "2023-09", 'unit = "23500"')) == []


def test_officers_who_all_stay_below_the_unit_cannot_carry_it():
    """A unit's rate is a mean of its officers' rates: with all below, it is below."""

    def share(percent: str, who: str, period: str = "2023") -> str:
        return step(percent, period, 'unit = "23500"', f'officer = "{who}"')

    below = [share("59", "a"), share("58", "b")]
    assert in_roadmap(*below) == [(5, "shares_below_unit"), (11, "shares_below_unit")]
    mixed = [share("59", "a"), share("60", "b")]
    assert (in_roadmap(*mixed), in_roadmap(*mixed, wrong=False)) == ([], [(5, "shares_below_unit")])
    step_of_unit = step("40", "2023-03", 'unit = "23500"')
    assert in_roadmap(step_of_unit, share("39", "a", "2023-03")) == [(10, "shares_below_unit")]
    assert in_roadmap(step_of_unit, share("40", "a", "2023-03")) == []


def test_two_targets_in_force_for_the_same_thing_are_told_across_files():
    one = step("50", "2023-11")
    assert faults(BOOK, HEAD + one, HEAD + "\n" + one) == [("2.toml", 4, "two_in_force")]
    assert faults(BOOK, HEAD + one, HEAD + one + "valid_from = 2023-05-01\n") == []


@pytest.mark.parametrize(
    ("text", "line", "rule"),
    [
        (step("60").replace("online", "onlin"), 4, "indicator_unknown"),
        (step("60", "2023", 'unit = "99999"'), 7, "unit_unknown"),
        (step("60", "2023", 'level = "tinh"'), 7, "level_unknown"),
        (step("60", "2023", 'level = "district"'), 7, "level_does_not_answer"),
        (step("60", "2023", 'level = "commune"', 'unit = "23500"'), 3, "unit_and_level"),
        (step("40", "2023-03", "valid_from = 2023-04-01"), 7, "date_outside_period"),
        # it is no more since 2025
        (step("60", "2026", 'unit = "23503"'), 7, "unit_unknown"),
    ],
)
def test_a_target_that_nobody_could_owe_is_told(text, line, rule):
    assert in_roadmap(text) == [(line, rule)]


def test_a_unit_owes_nothing_before_it_began():
    new = "[[unit]]\ncode = '99001'\nname = 'Xã Mới'\nlevel = 'commune'\nvalid_from = 2025-07-01\n"
    registry = Registry(RegistryFile.model_validate(tomllib.loads(new)).units, ())

    def wrong(year: str) -> list[str]:
        text = BOOK + step("60", year, "unit = '99001'", "document = 'KH 1'")
        return [f.rule for f in check({"a.toml": text.encode()}, registry, Books(NOWHERE)).faults]

    assert (wrong("2024"), wrong("2025"), wrong("*")) == (["unit_unknown"], [], [])


def test_a_target_may_come_into_force_on_the_last_day_of_its_period():
    assert in_roadmap(step("60", "2023-12", "valid_from = 2023-12-31")) == []


def test_a_roadmap_is_checked_against_the_shipped_book_that_it_names():
    ours = HEAD.replace("xa-2023", "dak-ha-2023")
    online = step("59", "2023-Q4").replace('"online"', '"full_online"')
    assert faults(ours + online) == [("0.toml", 5, "ends_below_year")]
    assert faults(HEAD + step("60")) == [("0.toml", 1, "book_unknown")]


def test_a_roadmap_is_checked_against_the_own_book_that_it_names(tmp_path):
    """The book need not be named on the command line: it lies where the installation has it."""
    falls = HEAD + step("50", "2023-12")
    file = tmp_path / "books" / "xa-2023.toml"
    file.parent.mkdir()
    file.write_text(BOOK)
    assert faults(falls, data=tmp_path) == [("0.toml", 5, "ends_below_year")]
    assert faults(HEAD + step("60", "2023-12"), data=tmp_path) == []

    file.write_text("code = ")
    (found,) = check({"0.toml": falls.encode()}, REGISTRY, Books(tmp_path)).faults
    assert (found.line, found.rule) == (1, "book_unreadable")
    assert str(file) in found.says

    file.write_text(BOOK)
    roadmap = tmp_path / "lo-trinh.toml"
    roadmap.write_text(falls)
    said = CliRunner().invoke(app, ["book", "check", str(roadmap), "--data", str(tmp_path)])
    assert (said.exit_code, f"{roadmap}:5: LỖI: " in said.output) == (1, True)
    assert "trong bộ chỉ tiêu" in said.output


def test_a_book_that_would_not_be_found_by_its_name_is_told():
    """Who is refused a book is sent to this check: it must not call the file fine."""

    def rules(name: str, text: str = BOOK) -> list[tuple[int, str]]:
        found = check({name: text.encode()}, REGISTRY, Books(NOWHERE))
        return [(f.line, f.rule) for f in found.faults]

    assert rules("data/books/xa-2023.toml") == []
    assert rules("data/books/xa.toml") == [(1, "book_misnamed")]
    assert rules("data/books/dak-ha-2023.toml") == [(1, "book_shipped")]
    shipped = BOOK.replace("xa-2023", "dak-ha-2023")
    assert rules("data/books/xa.toml", shipped) == [(1, "book_shipped")]
    # being written elsewhere it may have any name
    assert rules("draft.toml") == []


def test_the_command_prints_file_and_line_and_ends_as_the_answer_is(tmp_path):
    book, roadmap = tmp_path / "bo.toml", tmp_path / "lo-trinh.toml"
    book.write_text(BOOK)
    roadmap.write_text(HEAD + step("60", "2023-Q3") + step("50", "2023-12"))
    run = CliRunner()

    bad = run.invoke(app, ["book", "check", str(book), str(roadmap)])
    assert bad.exit_code == 1
    assert f"{roadmap}:9: LỖI: mục tiêu online tháng 12 năm 2023: 50 %" in bad.output
    assert bad.output.count(f"{roadmap}:9: ") == 2
    assert bad.output.rstrip().endswith("2 lỗi")

    good = run.invoke(app, ["book", "check", str(book)])
    assert (good.exit_code, good.output.rstrip().endswith("dùng được")) == (0, True)
    assert "Ví dụ" in run.invoke(app, ["book", "check", "--help"]).output
    assert run.invoke(app, ["book", "check", str(tmp_path / "none.toml")]).exit_code == 2


def test_an_offices_own_book_is_named_by_its_file(tmp_path):
    """``--book`` takes a file wherever the command itself reads the book."""
    book = tmp_path / "bo.toml"
    book.write_text(BOOK)

    def asks(file: object) -> str:
        command = ["explain", "nothing", "--dossier", "23500-230210-0001", "--book", str(file)]
        said = CliRunner().invoke(app, command)
        assert said.exit_code == 2
        return said.output

    assert "  1  online" in asks(book)
    assert "no such file" in asks(tmp_path / "none.toml")
    book.write_text(BOOK.replace('"60"', '"160"'))
    assert "less than or equal to 100" in asks(book)


@pytest.mark.parametrize("value", ["1", '"x"', "[]", "{}", "true", "2023-01-01", "[[1]]", '"60"'])
def test_whatever_a_line_says_the_check_answers_and_what_it_accepts_can_be_loaded(value):
    """A check that passes what later stops the installation is worse than none."""
    more = 'unit = "23500"', 'document = "KH"', "valid_from = 2023-02-01"
    lines = (BOOK + step("60", "2023-12", *more)).splitlines()
    accepted = 0
    for n, line in enumerate(lines):
        for new in ("", f"{line.partition('=')[0]}= {value}"):
            text = "\n".join([*lines[:n], new, *lines[n + 1 :]])
            found = check({"a.toml": text.encode()}, REGISTRY, Books(NOWHERE))
            assert all(1 <= fault.line <= len(lines) + 1 for fault in found.faults)
            if not any(fault.wrong for fault in found.faults):
                Book.model_validate(tomllib.loads(text))
                accepted += 1
    # a comment more or less, the empty lines, an optional field left out
    assert 0 < accepted < len(lines)
