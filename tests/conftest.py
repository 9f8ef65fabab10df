"""Fixtures that every folder of tests may use."""

from collections.abc import Iterator

import pytest

from tests.support import kafka


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.RunningBroker]:
    """One real broker for the whole session; take topics from ``fresh_prefix()``."""
    with kafka.broker(tmp_path_factory.mktemp("kafka")) as running:
        yield running
