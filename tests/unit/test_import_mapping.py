"""Rows become events as the mapping says, or are told apart by row, column and reason."""

from datetime import datetime

import pytest

from schemas.events import EVENT
from services.emitter.making import Made, Maker, Row, Unusable
from services.emitter.mapping import mapping_text, parse_mapping

RECEIPT = parse_mapping(mapping_text("receipt"))
ROW = {
    "case:concept:name": "case-1",
    "case:department": "General",
    "case:channel": "Internet",
    "case:responsible": "Resource21",
    "case:startdate": "2011-10-11 13:42:22.688000+02:00",
    "case:deadline": "2011-12-06 13:41:31.788000+01:00",
    "case:enddate": "2011-10-12 13:42:22.688000+02:00",
}


def make(*rows: dict[str, object], mapping=RECEIPT) -> list[Made | Unusable]:
    maker = Maker(mapping)
    return [
        found
        for number, cells in enumerate(rows, start=2)
        for found in maker.make(Row(number, {**ROW, **cells}))  # type: ignore[dict-item]  # cells
    ]


def events(*rows: dict[str, object], mapping=RECEIPT) -> list[dict[str, object]]:
    found = make(*rows, mapping=mapping)
    assert all(isinstance(one, Made) for one in found), found
    return [one.event for one in found]  # type: ignore[union-attr]  # asserted


def test_a_dossier_gives_its_events_with_ids_of_their_own():
    received, resolved = events({})
    assert received == {
        "specversion": "1.0",
        "id": "receipt:case-1:received",
        "source": "urn:motcua:import:receipt",
        "type": "motcua.dossier.received.v1",
        "subject": "case-1",
        "time": "2011-10-11T11:42:22.688Z",
        "unit": "receipt-general",
        "data": {
            "procedure": "1.999999",
            "channel": "online",
            "paperless": False,
            "due_at": "2011-12-06T12:41:31.788Z",
            "officer": "Resource21",
        },
    }
    assert resolved["id"] == "receipt:case-1:resolved"
    for event in (received, resolved):
        EVENT.validate_python(event, strict=False)


def test_a_row_that_says_the_same_again_adds_nothing():
    assert len(make({}, {}, {"concept:name": "another step"})) == 2


def test_a_row_that_contradicts_is_reported_and_not_chosen_between():
    *made, wrong = make({}, {"case:enddate": "2012-01-01 00:00:00+01:00"})
    assert len(made) == 2
    assert isinstance(wrong, Unusable)
    assert (wrong.row, wrong.column, wrong.rule) == (3, "case:enddate", "differs")
    assert "dòng 2" in wrong.reason


def test_an_empty_time_means_that_it_has_not_happened():
    (received,) = events({"case:enddate": ""})
    assert received["type"] == "motcua.dossier.received.v1"


@pytest.mark.parametrize(
    ("cells", "column", "rule"),
    [
        ({"case:concept:name": " "}, "case:concept:name", "missing"),
        ({"case:department": "Legal"}, "case:department", "value_unknown"),
        ({"case:department": ""}, "case:department", "missing"),
        ({"case:channel": "Telegram"}, "case:channel", "value_unknown"),
        ({"case:startdate": "yesterday"}, "case:startdate", "moment_expected"),
        ({"case:startdate": ""}, "case:startdate", "missing"),
        ({"case:deadline": "2011-13-01 00:00:00+01:00"}, "case:deadline", "moment_expected"),
        ({"case:enddate": "1960-01-01 00:00:00+01:00"}, "case:enddate", "moment_expected"),
    ],
)
def test_a_row_that_cannot_be_used_gives_no_event_at_all(cells, column, rule):
    """Half a dossier would be counted as an open one."""
    (wrong,) = make(cells)
    assert isinstance(wrong, Unusable)
    assert (wrong.row, wrong.column, wrong.rule) == (2, column, rule)
    assert " / " in wrong.reason


def test_after_a_bad_row_a_good_one_of_the_dossier_is_used():
    wrong, *made = make({"case:channel": "Telegram"}, {})
    assert isinstance(wrong, Unusable)
    assert len(made) == 2


def test_a_time_without_a_zone_is_read_in_the_mappings():
    """Spreadsheets of an office never write one."""
    for cell in ("2023-02-10 08:30:00", datetime(2023, 2, 10, 8, 30)):  # noqa: DTZ001 - the point
        received, *_ = events({"case:startdate": cell})
        assert received["time"] == "2023-02-10T01:30:00.000Z"


def test_the_national_portals_way_to_write_times():
    text = mapping_text("receipt").replace(
        "[dossier]", '[input]\nmoment_format = "%Y%m%d%H%M%S"\n\n[dossier]', 1
    )
    cells = {
        "case:startdate": "20230210083000",
        "case:deadline": "20230213170000",
        "case:enddate": "",
    }
    (received,) = events(cells, mapping=parse_mapping(text))
    assert received["time"] == "2023-02-10T01:30:00.000Z"


@pytest.mark.parametrize(
    ("change", "to", "says"),
    [
        ('zone = "Asia/Ho_Chi_Minh"', 'zone = "Asia/Hanoi"', "no such time zone"),
        ('type = "received"', 'type = "born"', "no event"),
        ("paperless = {", "paper = {", "no fields"),
        ('outcome = { constant = "approved", reason = ', "# ", "needs the fields"),
        (", reason = \"mã bịa ra", ", # \"", "constant needs its reason"),
        ('code = "case:concept:name"', "", "code"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_told_before_anything_is_read(change, to, says):
    text = mapping_text("receipt")
    assert change in text
    if "reason" in change and "outcome" not in change:
        lines = [
            line.split(", reason")[0] + " }" if change in line else line
            for line in text.split("\n")
        ]
        text = "\n".join(lines)
    else:
        text = text.replace(change, to, 1)
    with pytest.raises(ValueError, match=says):
        parse_mapping(text)


@pytest.mark.parametrize(
    ("field", "version"),
    [("electronic_result = {", "resolved.v1"), ("result_form = {", "resolved.v2")],
)
def test_the_fields_of_a_mapping_tell_the_version_of_its_events(field, version):
    """A file that was imported before an upgrade gives the very same events after it."""
    text = mapping_text("receipt").replace("electronic_result = {", field)
    text = text.replace(f"{field} constant = false", f'{field} constant = "paper"')
    if version.endswith("v1"):
        text = mapping_text("receipt")
    rule = parse_mapping(text).events[1]
    assert rule.full_type == f"motcua.dossier.{version}"


def test_fields_of_two_versions_do_not_go_together():
    text = mapping_text("receipt").replace(
        "[event.data]\noutcome",
        '[event.data]\nresult_form = { constant = "paper", reason = "x" }\noutcome',
    )
    with pytest.raises(ValueError, match="electronic_result"):
        parse_mapping(text)
