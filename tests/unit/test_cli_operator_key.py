"""The key that an import makes for itself on its own machine."""

import stat

from schemas.registry import load_registry
from services.cli.imports import operator_key
from services.emitter.mapping import mapping_text, parse_mapping
from services.gateway.credentials import credentials_file, read_credentials, remove_emitter, verify

RECEIPT = parse_mapping(mapping_text("receipt"))


def test_it_is_bound_to_the_mappings_units_and_to_no_other(tmp_path):
    key = operator_key(tmp_path, RECEIPT)

    emitter = verify(read_credentials(credentials_file(tmp_path)), key)
    assert emitter is not None
    assert emitter.name == "import-receipt"
    assert emitter.units == set(RECEIPT.unit_codes)
    unit = load_registry(tmp_path / "registry").latest_unit("receipt-experts")
    assert unit is not None
    assert (unit.name, unit.level) == ("Experts (receipt)", "district")
    secret = tmp_path / "secrets" / "import-receipt.key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_it_is_made_once(tmp_path, capsys):
    """Whoever imports every night must not leave a key a night behind."""
    first = operator_key(tmp_path, RECEIPT)
    assert "made a key" in capsys.readouterr().err
    assert operator_key(tmp_path, RECEIPT) == first
    assert capsys.readouterr().err == ""
    assert len(read_credentials(credentials_file(tmp_path))) == 1


def test_what_was_taken_away_is_made_anew(tmp_path):
    first = operator_key(tmp_path, RECEIPT)
    remove_emitter(credentials_file(tmp_path), "import-receipt")
    second = operator_key(tmp_path, RECEIPT)
    (tmp_path / "secrets" / "import-receipt.key").unlink()
    third = operator_key(tmp_path, RECEIPT)
    credentials = read_credentials(credentials_file(tmp_path))
    assert [verify(credentials, key) is not None for key in (first, second, third)] == [
        False,
        False,
        True,
    ]
