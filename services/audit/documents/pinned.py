"""Settled dossiers as they were when each partition of the log ended at a given offset."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from clickhouse_connect.driver.client import Client

from services.audit.settled import Clocks, Extent, Settled, sql


class Pinned(Settled):
    """Answers every question below these offsets, whatever was read since.

    A document names its offsets, so that it can be computed again when the log is longer.
    """

    def __init__(self, settled: Settled, client: Client, offsets: Mapping[int, int]) -> None:
        # the same turns: what is being settled must not change under a question
        self._turns = settled._turns
        self._of_unit = {
            unit: offsets.get(int(partition), 0)
            for unit, partition in client.query(sql("unit_partitions")).result_rows
        }

    @contextmanager
    def dossiers(
        self,
        client: Client,
        asked: Extent,
        clocks: Clocks,
        dossier: str | None = None,
        *,
        anew: bool = False,
        fresh: bool = False,
    ) -> Iterator[str]:
        """See :meth:`services.audit.settled.Settled.dossiers`."""
        below = Extent({unit: self._of_unit.get(unit, 0) for unit in asked.offsets})
        with super().dossiers(client, below, clocks, dossier, anew=anew, fresh=fresh) as table:
            yield table
