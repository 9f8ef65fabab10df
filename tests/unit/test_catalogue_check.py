"""``motcua catalogue check``: every mistake with its line and in Vietnamese, at once."""

import json
from importlib import resources

import pytest
from typer.testing import CliRunner

from services.cli.catalogue import check
from services.cli.main import app
from services.cli.toml_lines import lines_of

UNIT = """
[[unit]]
code = "99001"
name = "Xã Một"
level = "commune"
"""
PROCEDURE = """
[[procedure]]
code = "1.999999"
name = "Thủ tục"
level = "commune"
service = "full"
fee_vnd = 5000
payment_online = true
days = 3
cut_off = 15:00:00
source = "Quyết định số 1"
"""


def remarks(text: str, wrong: bool = True) -> list[tuple[int, str]]:
    return [(r.line, r.rule) for r in check("a.toml", text.encode()).faults if r.wrong is wrong]


def test_a_right_file_has_nothing_to_say_about():
    found = check("a.toml", (UNIT + PROCEDURE).encode())
    assert (found.faults, found.units, found.procedures) == ((), 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ('code = "1.999999"', 'code = "1.99"', 3, "pattern"),
        ('name = "Thủ tục"\n', "", 2, "missing"),
        ('"commune"', '"tinh"', 5, "level_unknown"),
        ('"full"', '"toàn trình"', 6, "value_unknown"),
        ("5000", '"5.000"', 7, "number_expected"),
        ("5000", "-1", 7, "too_small"),
        ("= true", '= "có"', 8, "yes_or_no_expected"),
        ("days = 3", "days = 3.5", 9, "number_expected"),
        ("days = 3", "days = 1000", 9, "too_great"),
        ("days = 3", "hours = 3", 2, "cut_off_of_hours"),
        ("cut_off = 15:00:00", "hours = 3", 2, "two_time_limits"),
        ("15:00:00", '"3 giờ chiều"', 10, "time_expected"),
        ("cut_off", "cutoff", 10, "unknown_field"),
        ('"Quyết định số 1"', "1", 11, "text_expected"),
        ("source", "valid_to = 2020-13-01\nsource", 11, "not_toml"),
        ("source", 'valid_from = "hôm qua"\nsource', 11, "date_expected"),
        ("source", "valid_from = 2023-01-02\nvalid_to = 2023-01-01\nsource", 2, "backwards"),
        ("[[procedure]]", "[procedure]", 2, "list_expected"),
        ("[[procedure]]", "[[procedures]]", 2, "unknown_field"),
        ('"Quyết định số 1"', '"Quyết định', 11, "not_toml"),
    ],
)
def test_a_mistake_is_told_with_its_line(old, new, line, rule):
    """Whoever edits the file sees it in an editor, by lines."""
    assert old in PROCEDURE
    assert remarks(PROCEDURE.replace(old, new, 1)) == [(line, rule)]


def test_the_shipped_files_have_no_mistake():
    for file in (resources.files("schemas") / "registry_data").iterdir():
        found = check(file.name, file.read_bytes())
        assert not [r for r in found.faults if r.wrong], file.name


def test_two_entries_for_one_day_are_told_with_both_lines():
    """Which of two fees was in force is not for us to guess."""
    old = PROCEDURE + "valid_to = 2023-06-30\n"
    for first_day, wrong in (("2023-06-30", [(15, "overlap")]), ("2023-07-01", [])):
        new = PROCEDURE + f"valid_from = {first_day}\n"
        assert remarks(old + "\n" + new) == wrong
    says = check("a.toml", (old + PROCEDURE).encode()).faults[0].says
    assert "dòng 2" in says
    assert "01/01/1970" in says


def test_links_to_units_that_are_not_there_are_told():
    """A unit without its heir disappears from every later report."""
    ends = UNIT + 'valid_to = 2025-06-30\nbecame = ["99002"]\n'
    heir = UNIT.replace("99001", "99002").replace("Một", "Hai") + "valid_from = 2025-07-01\n"

    assert remarks(ends) == [(7, "heir_unknown")]
    assert remarks(ends + heir) == []
    assert remarks(ends + heir.replace("07-01", "07-02")) == [(7, "heir_unknown")]
    assert remarks(UNIT + 'became = ["23500"]\n') == [(6, "became_without_end")]
    # the shipped communes are known
    assert remarks(ends.replace("99002", "23512")) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ("5000", "0", 8, "payment_without_fee"),
        ('"full"', '"none"', 8, "payment_without_service"),
        ("days = 3\ncut_off = 15:00:00\n", "", 3, "no_time_limit"),
        ('source = "Quyết định số 1"\n', "", 2, "no_source"),
        ("1.999999", "1.001193", 2, "replaces_shipped"),
    ],
)
def test_what_is_only_strange_is_told_and_is_no_mistake(old, new, line, rule):
    """The district may know better; it is asked to look."""
    text = PROCEDURE.replace(old, new, 1)
    assert (remarks(text), remarks(text, wrong=False)) == ([], [(line, rule)])


def test_a_fee_that_no_online_payment_can_reach_is_told():
    text = PROCEDURE.replace('"full"', '"none"').replace("= true", "= false")
    assert remarks(text, wrong=False) == [(7, "fee_without_service")]


def test_names_that_cannot_be_told_apart_are_told():
    twin = UNIT.replace("99001", "99002").replace("Xã Một", "Xã Mốt")
    assert remarks(UNIT + twin, wrong=False) == [(9, "same_name")]


def test_a_file_in_another_encoding_is_told_with_its_line():
    found = check("a.toml", "# a\n# b\n# Đắk".encode("utf-16"))
    assert [r.rule for r in found.faults] == ["not_utf8"]
    found = check("a.toml", b"# a\n# b\n# \xc4\n")
    assert [(r.line, r.rule) for r in found.faults] == [(3, "not_utf8")]


def test_lines_are_found_around_text_over_several_lines_and_comments():
    """A key that stands within a text, or after a comment sign, is none."""
    lines = lines_of(
        '# code = 1\n[[a]]\nx = """\n[[a]]\ny = 1\n"""\ny = 2\n[[a]]\n"z" = 3\n[b]\nw = 1'
    )
    places = [("a", 0), ("a", 0, "x"), ("a", 0, "y"), ("a", 1), ("a", 1, "z"), ("b", "w")]
    assert [lines.of(place) for place in places] == [2, 3, 7, 8, 9, 11]
    assert lines.of(("a", 1, "missing", 0)) == 8
    assert lines.of(("nowhere",)) == 1


def test_the_command_speaks_vietnamese_and_says_no_by_its_exit_code(tmp_path):
    file = tmp_path / "danh-muc.toml"
    file.write_text(PROCEDURE.replace('"full"', '"x"'), "utf-8")
    result = CliRunner().invoke(app, ["catalogue", "check", str(file)])
    assert result.exit_code == 1
    assert f"{file}:6: LỖI: TTHC 1.999999: service: không có giá trị này" in result.stdout
    assert "none hoặc partial hoặc full" in result.stdout

    as_json = CliRunner().invoke(app, ["catalogue", "check", str(file), "--json"])
    said = json.loads(as_json.stdout)
    assert (said["valid"], said["remarks"][0]["line"]) == (False, 6)

    file.write_text(PROCEDURE, "utf-8")
    assert CliRunner().invoke(app, ["catalogue", "check", str(file)]).exit_code == 0
    assert CliRunner().invoke(app, ["catalogue", "check", str(tmp_path / "x")]).exit_code == 2
