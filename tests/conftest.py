"""Fixtures that every folder of tests may use."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import kafka

# a shared or slow machine must not turn a law into a failure: no limit of time for an example
settings.register_profile(
    "motcua", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("motcua")


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.RunningBroker]:
    """One real broker for the whole session; take topics from ``fresh_prefix()``."""
    with kafka.broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running
