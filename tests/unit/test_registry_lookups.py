"""Units and procedures in time: what was in force when, who became whom, and who is meant."""

import unicodedata
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.books import Period
from schemas.registry import (
    FOR_EVER,
    SINCE_EVER,
    Procedure,
    Registry,
    Unit,
    load_registry,
    units_toml,
)

REGISTRY = load_registry()
THEN, NOW = date(2023, 2, 10), date(2026, 2, 10)
LAST_DAY, NEXT_DAY = date(2025, 6, 30), date(2025, 7, 1)
REUSED = ("23504", "23510", "23515")


def unit(code: str, on: date) -> Unit:
    found = REGISTRY.unit(code, on)
    assert found is not None
    return found


# -- versions in time


@given(
    versions=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6),
    day=st.integers(-2, 32),
)
def test_the_version_given_last_counts_for_each_of_its_days(
    versions: list[tuple[int, int]], day: int
) -> None:
    """An installation's own file must win on its days, and lose nothing of the others."""
    begin = date(2023, 1, 1)
    given_ = [
        Unit(
            code="u",
            name=str(n),
            level="commune",
            valid_from=begin + timedelta(days=min(span)),
            valid_to=begin + timedelta(days=max(span)),
        )
        for n, span in enumerate(versions)
    ]
    registry = Registry(given_, ())
    on = begin + timedelta(days=day)
    expected = next((u.name for u in reversed(given_) if u.holds(on)), None)
    found = registry.unit("u", on)

    assert (found and found.name) == expected
    held = [u for u in registry.units if u.holds(on)]
    assert len(held) == (expected is not None)
    assert list(registry.units) == sorted(registry.units, key=lambda u: u.valid_from)


def test_an_installations_own_file_counts_before_the_shipped_one(tmp_path):
    """A district that changes a fee must not have to edit what an upgrade overwrites."""
    (tmp_path / "own.toml").write_text(
        '[[procedure]]\ncode = "1.001193"\nname = "Khai sinh"\nlevel = "commune"\n'
        'service = "none"\nfee_vnd = 7000\npayment_online = false\nhours = 6\n'
        "valid_from = 2023-02-01\nvalid_to = 2023-02-28\n",
        "utf-8",
    )
    registry = load_registry(tmp_path, tmp_path / "missing")
    fees = [
        p.fee_vnd
        for day in ((2023, 1, 31), (2023, 2, 1), (2023, 2, 28), (2023, 3, 1))
        if (p := registry.procedure("1.001193", date(*day)))
    ]
    assert fees == [0, 7000, 7000, 0]


def test_a_procedure_has_several_versions_and_each_counts_in_its_time():
    """A replay years later must judge a dossier by the fee of its own day."""
    versions = [p for p in REGISTRY.procedures if p.code == "1.004884"]
    assert [(p.fee_vnd, p.payment_online) for p in versions] == [(8000, False), (5000, True)]
    assert all("minh họa" in p.source and p.illustrative for p in versions)

    def payable(first: date, last: date) -> bool:
        codes = {code for _, code in REGISTRY.payment_procedures(Period(first=first, last=last))}
        return "1.004884" in codes

    assert not payable(date(2022, 1, 1), date(2022, 12, 31))
    assert payable(date(2022, 12, 31), date(2023, 1, 1))


def test_the_time_limits_of_the_catalogue_are_those_of_their_sources():
    """Birth registration is the one that everybody knows: one working day, 15:00."""
    birth = REGISTRY.procedure("1.001193.000.00.00.H36", THEN)
    copy = REGISTRY.procedure("2.000815", THEN)
    assert birth and copy
    assert (birth.days, birth.cut_off and birth.cut_off.hour, birth.fee_vnd) == (1, 15, 0)
    assert (copy.days, copy.cut_off and copy.cut_off.hour, copy.fee_vnd) == (0, 15, 2000)
    assert any(p.hours for p in REGISTRY.procedures), "one that is owed in hours"
    for procedure in REGISTRY.procedures:
        assert procedure.source or procedure.illustrative, procedure.code


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"days": 1, "hours": 2}, "not both"),
        ({"hours": 2, "cut_off": "15:00"}, "cut-off"),
        ({"valid_from": "2023-01-02", "valid_to": "2023-01-01"}, "before valid_from"),
        ({"code": "1.001193.000.00.00.H36"}, "pattern"),
    ],
)
def test_a_procedure_that_contradicts_itself_is_none(change, why):
    """What could be read in two ways would be computed in one of them."""
    right = {
        "code": "1.001193",
        "name": "x",
        "level": "commune",
        "service": "full",
        "fee_vnd": 0,
        "payment_online": False,
    }
    Procedure.model_validate(right)
    with pytest.raises(ValueError, match=why):
        Procedure.model_validate({**right, **change})


# -- lineage


def test_districts_end_and_eleven_units_become_five_communes():
    """1 July 2025: whoever reads a figure of an old unit must find who answers for it now."""
    old = [u for u in REGISTRY.units if u.valid_to == LAST_DAY]
    communes = [u for u in old if u.level == "commune"]
    new = {u.code: u for u in REGISTRY.units if u.valid_from == NEXT_DAY}

    assert (len(communes), len(new)) == (11, 5)
    assert {code for u in communes for code in u.became} == set(new)
    assert {u.level for u in new.values()} == {"commune"}
    assert not any(u.holds(NEXT_DAY) for u in REGISTRY.units if u.level == "district")
    for heir in new.values():
        forebears = REGISTRY.forebears(heir)
        assert len(forebears) >= 2
        for forebear in forebears:
            assert REGISTRY.heirs(forebear, NOW) == (heir,)
    assert sum(len(REGISTRY.forebears(heir)) for heir in new.values()) == 11
    # which of them went where is nobody's word yet, and the data says so
    assert all(u.illustrative for u in (*communes, *new.values()))


@pytest.mark.parametrize("code", REUSED)
def test_a_reused_code_is_another_unit(code):
    """Identity is (code, first day): the same number on two days can be two communes."""
    before, after = unit(code, LAST_DAY), unit(code, NEXT_DAY)
    assert before.name != after.name
    assert REGISTRY.latest_unit(code) == after
    assert REGISTRY.last_unit_before(code, NOW) == before


def test_a_unit_is_its_own_heir_while_it_holds_and_a_department_has_none():
    """A figure is never moved to somebody who is not known to answer for it."""
    town, department = unit("23500", THEN), unit("dh-tp", THEN)
    assert REGISTRY.heirs(town, LAST_DAY) == (town,)
    assert REGISTRY.heirs(department, NOW) == ()


def test_heirs_are_followed_over_several_changes_and_splits_are_told():
    """A unit that was divided has several heirs: its figures cannot be shown as one of theirs."""

    def version(code, first, last, *became):
        return Unit(code=code, name=code, level="commune", became=became,
                    valid_from=first, valid_to=last)  # fmt: skip

    day = date(2024, 1, 1)
    registry = Registry(
        (
            version("a", SINCE_EVER, day, "b"),
            version("b", day + timedelta(1), day + timedelta(10), "c", "d"),
            version("c", day + timedelta(11), FOR_EVER),
            version("d", day + timedelta(11), FOR_EVER),
            version("e", SINCE_EVER, day, "c"),
        ),
        (),
    )
    first = registry.unit("a", day)
    assert first
    assert [u.code for u in registry.heirs(first, day + timedelta(5))] == ["b"]
    assert [u.code for u in registry.heirs(first, day + timedelta(50))] == ["c", "d"]
    # «c» was no unit on that day: a link that leads nowhere is not followed
    gone = registry.unit("e", day)
    assert gone
    assert registry.heirs(gone, day + timedelta(50)) == ()


def test_a_unit_may_be_merged_into_one_that_goes_on():
    """Its heir began long before, and keeps its own identity."""
    day = date(2024, 1, 1)
    small = Unit(code="a", name="a", level="commune", valid_to=day, became=("b",))
    large = Unit(code="b", name="b", level="commune")
    registry = Registry((small, large), ())
    assert registry.heirs(small, day + timedelta(1)) == (large,)
    assert registry.forebears(large) == (small,)
    assert registry.forebears(small) == ()


# -- spellings


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("23503", "23503"),
        ("Xã Đắk PXi", "23503"),
        ("Xã Đăk PXi", "23503"),
        ("xã đăk pxi", "23503"),
        ("Dak Pxi", "23503"),
        ("UBND xã Đắk Pxi", "23503"),
        (unicodedata.normalize("NFD", "Xã Đắk PXi"), "23503"),
        ("Xã  Ngok   Réo", "23518"),
        ("Ngọk Réo", "23518"),
        ("Đắk Ngọk", "23510"),
        ("Thị trấn Đăk Hà", "23500"),
        ("Phòng TN&MT", "dh-tnmt"),
        ("Phòng Tài nguyên và Môi trường", "dh-tnmt"),
        ("phòng lao động - thương binh và xã hội", "dh-ldtbxh"),
        ("Xã Đắk Tô", None),
        ("", None),
        ("xã", None),
    ],
)
def test_a_unit_is_found_in_any_spelling(text, code):
    """Files say Đắk, Đăk and Dak; the statistics office itself does."""
    found = REGISTRY.find_unit(text, THEN)
    assert (found and found.code) == code


def test_a_name_belongs_to_different_units_at_different_times():
    """Without the day, «Đăk Pxi» of a file of 2023 would be the commune of 2025."""
    for day, code in ((THEN, "23503"), (NOW, "23504")):
        found = REGISTRY.find_unit("Đăk Pxi", day)
        assert found and found.code == code
    assert REGISTRY.find_unit("Đăk Long", NOW) is None


def test_a_name_that_two_units_share_finds_neither():
    """A guess would put one office's dossiers on another's account."""
    twins = [Unit(code=c, name=n, level="commune") for c, n in (("1", "Đắk La"), ("2", "Đăk La"))]
    registry = Registry(twins, ())
    assert registry.find_unit("Dak La") is None
    found = registry.find_unit("Đăk La")
    assert found and found.code == "2"


def test_units_are_written_as_they_are_read(tmp_path):
    """The demonstration and the import add units by writing such a file."""
    units = [unit("23503", THEN), unit("dh-tnmt", THEN), Unit(code="x", name='"q" Đ', level="l")]
    (tmp_path / "u.toml").write_text(units_toml(units), "utf-8")
    read = load_registry(tmp_path)
    assert [read.unit(u.code, THEN) for u in units] == units
