"""``motcua due explain`` and ``motcua explain``: the figures' own words, which never disagree."""

import json
import threading
from collections.abc import Iterator
from importlib import resources

import pytest
from hypothesis import given
from typer.testing import CliRunner, Result

from schemas.admitted import FrozenProcedure
from schemas.books import Period, load_book
from services.cli.case import Case, case_of
from services.cli.due import due_json, due_told
from services.cli.main import app
from services.cli.why import indicator_told, judge
from streams.core.cells import Cell, cells
from streams.core.days import local_day, to_date
from streams.core.dossier import AnyEntry, Dossier, effective
from streams.core.explain import What, explain_due, turning_points
from streams.core.facts import BIT, facts, facts_as_of
from streams.core.indicators import count_cells
from streams.core.receptions import received_counts
from tests.support.histories import (
    DOSSIER,
    UNIT,
    WORK,
    admitted,
    apologised,
    corrected,
    digitized,
    entries,
    extended,
    fold,
    moment,
    ms,
    paid,
    received,
    refunded,
    reopened,
    resolved,
    stopped,
    supplement_received,
    supplement_requested,
)
from tests.support.told_cases import BOOK, REGISTRY, answer, case, records_of
from tests.unit.test_cli_commands import Installation

RECEPTIONS = load_book("qd766")


# -- laws


@given(history=entries(min_size=1))
def test_what_is_explained_is_what_is_counted(history: list[AnyEntry]) -> None:
    """An explanation that ends at another due moment than the figures is worse than none."""
    dossier = fold(history)
    explained = explain_due(dossier, WORK)
    known = facts(dossier, WORK)

    assert (explained.due_at, explained.known) == (known.due_at, known)
    due = None
    for step in explained.steps:
        # nothing else moved it between two steps
        assert step.due_before == due
        due = step.due
    told = [step.what for step in explained.steps]
    assert told.count(What.RECEIVED) <= 1


@given(history=entries(min_size=1))
def test_a_fact_that_holds_has_an_event_that_made_it_so(history: list[AnyEntry]) -> None:
    """«Why» is answered with an event; only what never was otherwise has none."""
    dossier = fold(history)
    decided, known = turning_points(dossier, WORK), facts(dossier, WORK)

    for name in BIT:
        if known.has(name):
            assert name in decided, name
    there = {*dossier, *effective(dossier)}
    assert set(decided.values()) <= there


def _case(dossier: Dossier) -> Case:
    return Case(UNIT, DOSSIER, dossier, {}, REGISTRY, WORK)


@given(history=entries(min_size=1))
def test_a_dossier_is_judged_as_it_is_counted(history: list[AnyEntry]) -> None:
    """In a and b here exactly when the counters have it in a and b."""
    dossier = fold(history)
    counted: list[tuple[Cell, int]] = [(cell, 1) for cell in cells(facts(dossier, WORK))]
    for indicator in BOOK.indicators:
        if indicator.counts == "dossiers":
            count = count_cells(indicator, counted, frozenset())
            judged = judge(indicator, _case(dossier))
            assert (judged.in_a, judged.in_b) == (count.a == 1, count.b == 1), indicator.code


@given(history=entries(min_size=1))
def test_a_dossier_of_a_book_of_receptions_is_judged_as_it_is_counted(
    history: list[AnyEntry],
) -> None:
    """At any moment: an explanation of another state than the figure's would mislead."""
    dossier = fold(history)
    for at in {entry.at for entry in dossier}:
        known = facts_as_of(dossier, at, WORK)
        if known is None:
            continue
        day = to_date(local_day(known.received_at or at))
        period = Period(first=day, last=day)
        counts = received_counts(RECEPTIONS, REGISTRY, period, known.level, [known], at)
        for indicator in RECEPTIONS.indicators:
            judged = judge(indicator, _case(dossier), "received", at)
            if indicator.counts == "dossiers":
                count = counts[indicator.code]
                assert (judged.in_a, judged.in_b) == (count.a == 1, count.b == 1), indicator.code
            else:
                assert judged.in_b == (counts[indicator.code].b == 1), indicator.code


@given(history=entries(min_size=1))
def test_every_history_can_be_told(history: list[AnyEntry]) -> None:
    """Whatever was sent, in words: an explanation must not fail where it is needed most."""
    told = _case(fold(history))
    due_told(told)
    json.dumps(due_json(told))
    for indicator in BOOK.indicators:
        indicator_told(indicator, told)
    for indicator in RECEPTIONS.indicators:
        indicator_told(indicator, told, "received", max(entry.at for entry in history))


# -- as a clerk reads it


def test_a_due_moment_is_counted_day_by_day():
    """Received on a Friday after the cut-off, over a weekend: what everybody gets wrong by hand."""
    told = due_told(case(received("2023-02-10T15:30", due=None)))
    for line in (
        "1. thứ Sáu 10/02/2023 15:30  Tiếp nhận",
        "1.001193 Đăng ký khai sinh",
        "Phần mềm không báo hạn trả: tính theo danh mục khi tiếp nhận.",
        "Thời hạn: 1 ngày làm việc. Giờ chốt 15:00: tiếp nhận sau giờ này thì tính như",
        "Tiếp nhận sau giờ chốt: tính như tiếp nhận thứ Hai 13/02/2023.",
        "Ngày làm việc: 1. thứ Ba 14/02/2023",
        "Không tính ngày nghỉ: thứ Bảy 11/02/2023, Chủ nhật 12/02/2023",
        "→ hạn trả: thứ Ba 14/02/2023 17:00",
        "Chưa kết thúc.",
    ):
        assert line in told, line


def test_holidays_and_swap_days_are_named():
    """«Why not on Friday?» is answered with the name of the holiday."""
    over_tet = due_told(case(received("2023-01-19T09:00", due=None)))
    assert "Tết" in over_tet
    assert "→ hạn trả: thứ Sáu 27/01/2023 17:00" in over_tet
    swapped = due_told(case(received("2025-12-31T15:30", due=None)))
    assert "thứ Năm 01/01/2026 (Tết Dương lịch)" in swapped
    assert "thứ Sáu 02/01/2026 (hoán đổi ngày làm việc)" in swapped
    worked = due_told(case(received("2024-05-03T09:00", due=None)))
    assert "Làm bù, có tính: thứ Bảy 04/05/2024" in worked


def test_pauses_extensions_and_apologies_are_told_with_what_they_did():
    told = due_told(
        case(
            received("2023-02-10T08:30", due="2023-02-13T17:00"),
            supplement_requested("2023-02-10T10:00"),
            supplement_received("2023-02-14T09:00"),
            apologised("2023-02-14T10:00", new_due="2023-02-20T17:00"),
            extended("2023-02-14T11:00", new_due="2023-02-17T17:00"),
            resolved("2023-02-17T17:00:00.001"),
            extended("2023-02-18T08:00", new_due="2023-03-17T17:00"),
        )
    )
    for line in (
        "Hạn trả do phần mềm một cửa báo.",
        "Chờ người nộp bổ sung: thời gian giải quyết ngừng tính từ lúc này.",
        "Đã ngừng tính từ thứ Sáu 10/02/2023 10:00 đến thứ Ba 14/02/2023 09:00: 15 giờ làm việc.",
        "Trong đó: thứ Sáu 10/02/2023: 5 giờ; thứ Hai 13/02/2023: 8 giờ; thứ Ba 14/02/2023: 2 giờ",
        "được cộng vào hạn trả: thứ Hai 13/02/2023 17:00 cộng 15 giờ làm việc.",
        "→ hạn trả: thứ Tư 15/02/2023 16:00",
        "Xin lỗi và hẹn lại: không dời hạn trả, trễ vẫn là trễ.",
        "(văn bản: 12/TB-UBND)",
        "→ hạn trả: thứ Sáu 17/02/2023 17:00",
        "Sau khi hồ sơ đã kết thúc: không tính.",
        "Hạn trả: thứ Sáu 17/02/2023 17:00",
        "trễ hạn",
    ):
        assert line in told, line


def test_corrections_are_told_with_who_and_why():
    """Whoever reads it must see that a number was changed, by whom, and what it was."""
    reception = received("2023-02-10T08:30", due="2023-02-10T17:00")
    payment = paid()
    result = resolved("2023-02-13T10:00")
    told = due_told(
        case(
            reception,
            payment,
            result,
            corrected(reception, received("2023-02-10T08:30", due="2023-02-13T17:00")),
            corrected(payment, None, "2023-02-21T09:00"),
        )
    )
    for line in (
        "Theo đính chính thứ Hai 20/02/2023 09:00 (người duyệt: ld01; lý do: nhập nhầm)",
        "sự kiện gốc báo là Tiếp nhận lúc thứ Sáu 10/02/2023 08:30",
        "hủy sự kiện paid-2023-02-10T09:00 (Thanh toán lúc thứ Sáu 10/02/2023 09:00)",
        "đúng hạn",
    ):
        assert line in told, line


def test_papers_asked_for_too_late_are_told_to_excuse_nothing():
    told = due_told(
        case(
            received("2023-02-10T08:30", due="2023-02-10T11:00"),
            supplement_requested("2023-02-10T14:00"),
            supplement_received("2023-02-13T09:00"),
        )
    )
    assert "Yêu cầu bổ sung khi hạn trả đã qua" in told
    assert "→" in told and told.count("→") == 1


def test_time_is_given_back_only_from_where_it_counts():
    """A wrong reason for a right figure is what a clerk would argue with."""
    set_meanwhile = due_told(
        case(
            received("2023-02-10T08:30", due="2023-02-10T17:00"),
            supplement_requested("2023-02-10T10:00"),
            extended("2023-02-13T09:00", new_due="2023-02-14T17:00"),
            supplement_received("2023-02-14T09:00"),
        )
    )
    assert "chỉ phần chờ từ lúc đó được cộng" in set_meanwhile
    # all of the pause would lead beyond the calendar, and only its end counts
    at_the_end = due_told(
        case(
            received("2026-12-28T08:30", due="2026-12-28T17:00"),
            supplement_requested("2026-12-28T10:00"),
            extended("2026-12-31T16:00", new_due="2026-12-31T16:30"),
            supplement_received("2026-12-31T16:20"),
        )
    )
    assert "chỉ phần chờ từ lúc đó được cộng" in at_the_end
    on_a_saturday = due_told(
        case(
            received("2023-02-10T08:30", due="2023-02-10T17:00"),
            supplement_requested("2023-02-10T17:00"),
            supplement_received("2023-02-11T09:00"),
        )
    )
    assert "Hạn trả không thể qua trong lúc chờ" in on_a_saturday
    assert "→ hạn trả: thứ Bảy 11/02/2023 09:00" in on_a_saturday


def test_what_a_correction_decided_is_told_as_the_correction():
    """Whoever looks the event up by its id must find the one that says so."""
    result = resolved("2023-02-13T10:00")
    there = case(received(), result, corrected(result, resolved("2023-02-10T16:00"), id="c-1"))
    told = indicator_told(BOOK.indicator("on_time_commune"), there)
    assert "«Có kết quả» lúc thứ Sáu 10/02/2023 16:00 (đính chính c-1)" in told


def test_a_catalogue_that_has_changed_since_is_not_used_to_explain():
    """What was frozen counts; a made-up derivation from today's catalogue would be a lie."""
    other = FrozenProcedure(known=True, due_at=moment("2023-02-20T17:00"))
    found = answer([admitted(received(due=None), frozen=other)])
    told = due_told(case_of(found, REGISTRY, WORK))
    assert "Danh mục ở đây không còn như lúc tiếp nhận" in told
    assert "→ hạn trả: thứ Hai 20/02/2023 17:00" in told


def test_a_year_without_a_calendar_is_told_with_the_file_to_extend():
    told = due_told(
        case(
            received("2031-02-10T08:30", due="2031-02-13T17:00"),
            supplement_requested("2031-02-10T10:00"),
            supplement_received("2031-02-11T10:00"),
        )
    )
    assert "Lịch làm việc chưa có năm cần tính" in told
    assert "vn.toml" in told
    assert "Hạn trả: chưa biết" in told


def test_an_open_dossier_that_waits_says_so():
    told = due_told(case(received(), supplement_requested("2023-02-10T10:00")))
    assert "Đang chờ bổ sung từ thứ Sáu 10/02/2023 10:00" in told


# -- indicators


def test_each_condition_is_told_with_the_event_that_decided_it():
    there = case(received(), digitized(), resolved(electronic=True, officer="cb", id="kq-1"))
    told = indicator_told(BOOK.indicator("digitization_commune"), there)
    for line in (
        "a (mẫu số): CÓ tính hồ sơ này",
        "b (tử số): CÓ tính hồ sơ này",
        "[resolved]: theo «Có kết quả» lúc thứ Sáu 10/02/2023 16:00 (sự kiện kq-1)",
        "[application_digitized]: theo «Số hóa» lúc thứ Sáu 10/02/2023 08:40",
        "Thuộc mọi kỳ có ngày kết thúc 10/02/2023: tháng 2, quý 1, năm 2023.",
    ):
        assert line in told, line
    district = indicator_told(BOOK.indicator("digitization_district"), there)
    assert "✗ chỉ tiêu này chỉ tính đơn vị cấp huyện" in district
    assert "a (mẫu số): KHÔNG" in district
    assert "không thuộc kỳ nào" in district


def test_what_was_undone_is_told_with_what_undid_it():
    """The payment is there, and so is the refund: the refund is the reason."""
    there = case(received(), paid(), refunded(), resolved())
    told = indicator_told(BOOK.indicator("payment_dossiers"), there)
    assert "b (tử số): KHÔNG" in told
    judged = judge(BOOK.indicator("payment_dossiers"), there)
    (condition,) = (c for c in judged.conditions if c.fact == "paid_online")
    assert not condition.holds
    assert condition.event is not None
    assert condition.event.kind == 9

    late = case(received(), resolved("2023-02-10T17:01"), reopened("2023-02-11T08:00"))
    told = indicator_told(BOOK.indicator("on_time_commune"), late)
    assert "có lý do) [resolved]: không, theo «Mở lại»" in told
    assert "Hồ sơ chưa kết thúc" in told
    assert f"motcua due explain {DOSSIER} --unit {UNIT}" in told


def test_what_did_not_hold_is_told_with_what_said_otherwise():
    """«No» needs its event as much as «yes»: the late result, the free procedure."""
    there = case(received(), resolved("2023-02-10T17:01"))
    told = indicator_told(BOOK.indicator("on_time_commune"), there)
    assert "[on_time]: không, theo «Có kết quả» lúc thứ Sáu 10/02/2023 17:01" in told
    assert "Hạn trả: thứ Sáu 10/02/2023 17:00. Kết thúc: thứ Sáu 10/02/2023 17:01." in told
    gone = indicator_told(BOOK.indicator("on_time_commune"), case(received(), stopped()))
    assert "[resolved]: không, theo «Dừng giải quyết»" in gone
    told = indicator_told(BOOK.indicator("payment_dossiers"), there)
    assert "[fee_owed]: không, theo «Tiếp nhận»" in told
    assert "[paid_online]: chưa có sự kiện nào" in told


def test_an_indicator_of_procedures_is_told_by_the_procedure():
    paying = (received(procedure="2.000635"), paid(), resolved())
    told = indicator_told(BOOK.indicator("payment_procedures"), case(*paying))
    assert "CÓ tính TTHC 2.000635" in told
    assert "ngày 10/02/2023" in told
    free = indicator_told(BOOK.indicator("payment_procedures"), case(received(), paid()))
    assert "a (mẫu số): KHÔNG" in free
    unpaid = case(received(procedure="2.000635"), resolved())
    told = indicator_told(BOOK.indicator("payment_procedures"), unpaid)
    assert "b (tử số): KHÔNG tính TTHC 2.000635, xét riêng hồ sơ này" in told
    assert "TTHC vẫn được tính ở b nếu trong kỳ một hồ sơ khác có" in told


def test_what_depends_on_a_moment_is_told_with_the_moment():
    """«Late on which day?» is the first thing that is asked back."""
    rule = RECEPTIONS.indicator("in_time")
    there = case(received(due="2023-02-13T17:00"), supplement_requested("2023-02-10T10:00"))
    told = indicator_told(rule, there, "received", ms("2023-03-31T23:59"))
    for line in (
        "Xét tình trạng tại: thứ Sáu 31/03/2023 23:59.",
        "b (tử số): CÓ tính hồ sơ này",
        "Thuộc mọi kỳ có ngày tiếp nhận 10/02/2023: tháng 2, quý 1, năm 2023.",
        "Hạn trả: thứ Hai 13/02/2023 17:00. Kết thúc: chưa. Chờ bổ sung từ thứ Sáu 10/02/2023",
    ):
        assert line in told, line
    again = case(
        received(due="2023-02-13T17:00"),
        supplement_requested("2023-02-10T10:00"),
        supplement_requested("2023-02-10T11:00"),
    )
    told = indicator_told(rule, again, "received", ms("2023-03-31T23:59"))
    assert "[asked_once_at_most]: không, theo «Yêu cầu bổ sung»" in told
    late = case(received(due="2023-02-13T17:00"))
    told = indicator_told(rule, late, "received", ms("2023-03-31T23:59"))
    assert "[in_time]: không, xem hạn trả bên dưới" in told
    assert "b (tử số): CÓ" in indicator_told(rule, late, "received", ms("2023-02-13T17:00"))


# -- the commands


@pytest.fixture(scope="module")
def there() -> Iterator[Installation]:
    installation = Installation()
    events = [received("2023-02-10T15:30", due=None), resolved("2023-02-14T16:00")]
    installation.answers["/api/v1/events"] = 200, answer(records_of(events))
    thread = threading.Thread(target=installation.server.serve_forever, args=(0.01,))
    thread.start()
    yield installation
    installation.server.shutdown()
    thread.join()
    installation.server.server_close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_due_moment_is_asked_of_the_history(there):
    result = run("due", "explain", DOSSIER, "--url", there.url)
    assert result.exit_code == 0, result.output
    assert there.asked[-1][2] == {"dossier": DOSSIER, "unit": UNIT}
    assert "Hạn trả: thứ Ba 14/02/2023 17:00" in result.stdout
    assert "đúng hạn" in result.stdout

    said = json.loads(run("due", "explain", DOSSIER, "--json", "--url", there.url).stdout)
    assert said["due_at"] == "2023-02-14T17:00:00.000+07:00"
    assert [step["what"] for step in said["steps"]] == ["received", "closed"]
    assert said["on_time"] is True
    assert "--unit" in run("due", "explain", "G09", "--url", there.url).stderr


@pytest.mark.parametrize("name", ["IV.2", "on_time_commune"])
def test_an_indicator_is_named_by_its_code_or_its_row(there, name):
    result = run("explain", name, "--dossier", DOSSIER, "--json", "--url", there.url)
    said = json.loads(result.stdout)
    assert (said["in_a"], said["in_b"], said["counts_on"]) == (True, True, "2023-02-14")
    assert {c["fact"] for c in said["conditions"]} >= {"resolved", "on_time"}
    assert "[on_time]" in run("explain", name, "--dossier", DOSSIER, "--url", there.url).stdout


def test_an_own_book_is_looked_up_where_the_installation_keeps_it(there, tmp_path, monkeypatch):
    """The report takes ``--book own``; why a dossier is in it must be asked by the same name."""
    shipped = (resources.files("schemas") / "books_data" / "dak-ha-2023.toml").read_text("utf-8")
    own = shipped.replace('code = "dak-ha-2023"', 'code = "own"').replace('"IV.2"', '"9"')
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "own.toml").write_text(own, "utf-8")
    monkeypatch.setenv("MOTCUA_DATA", str(tmp_path))

    asked = ("explain", "9", "--dossier", DOSSIER, "--book", "own", "--url", there.url)
    result = run(*asked)
    assert (result.exit_code, "9 on_time_commune" in result.stdout) == (0, True), result.output

    (tmp_path / "books" / "own.toml").write_text("code =", "utf-8")
    result = run(*asked)
    assert (result.exit_code, "motcua book check" in result.stderr) == (2, True)


def test_a_dossier_is_explained_as_of_a_day(there):
    """Without a day a book of receptions is explained as things stand now."""
    asked = ("explain", "2.1", "--book", "qd766", "--dossier", DOSSIER, "--url", there.url)

    now = json.loads(run(*asked, "--json").stdout)
    assert (now["in_a"], now["in_b"], now["counts_on"]) == (True, True, "2023-02-10")
    then = json.loads(run(*asked, "--as-of", "2023-02-13", "--json").stdout)
    assert then["as_of"] == "2023-02-13T23:59:59.999+07:00"
    early = run(*asked, "--as-of", "2023-02-09")
    assert (early.exit_code, "Chưa có sự kiện nào" in early.stderr) == (2, True)
    decided = ("explain", "IV.2", "--dossier", DOSSIER, "--url", there.url, "--json")
    assert json.loads(run(*decided).stdout)["in_b"] is True
    assert json.loads(run(*decided, "--as-of", "2023-02-13").stdout)["in_a"] is False


def test_an_unknown_indicator_or_book_is_told_with_those_there_are(there):
    result = run("explain", "V.9", "--dossier", DOSSIER, "--url", there.url)
    assert (result.exit_code, "on_time_commune" in result.stderr) == (2, True)
    result = run("explain", "V.9", "--dossier", DOSSIER, "--book", "x", "--url", there.url)
    assert (result.exit_code, "dak-ha-2023" in result.stderr) == (2, True)
