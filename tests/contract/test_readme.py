"""Documents that cannot lie."""

from tests.support.readme_tables import README, with_tables


def test_every_event_indicator_topic_command_and_setting_is_documented_as_it_is():
    """Whoever trusts the README's tables must never be misled by an old one."""
    text = README.read_text(encoding="utf-8")

    assert with_tables(text) == text, "run: python -m tests.support.readme_tables"
