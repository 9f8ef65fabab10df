"""Settled dossiers as they were when each partition of the log ended at a given offset."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from clickhouse_connect.driver.client import Client

from services.audit.settled import Clocks, Extent, Settled, sql


class Pinned(Settled):
    """Answers every question below these offsets, whatever was read since.

    A document names its offsets, so that it can be computed again when the log is longer.
    """

    def __init__(self, settled: Settled, client: Client, offsets: Mapping[int, int]) -> None:
        # the same turns: what is being settled must not change under a question
        self._turns = settled._turns
        self._kept = settled._kept
        self._of_unit = {
            unit: offsets.get(int(partition), 0)
            for unit, partition in client.query(sql("unit_partitions")).result_rows
        }

    @contextmanager
    def tables(
        self,
        client: Client,
        asked: Extent,
        several: Sequence[Clocks],
        dossier: str | None = None,
        *,
        anew: bool = False,
        fresh: bool = False,
    ) -> Iterator[list[str]]:
        """See :meth:`services.audit.settled.Settled.tables`."""
        below = Extent({unit: self._of_unit.get(unit, 0) for unit in asked.offsets})
        # below these offsets an answer may lack what was recorded by then, and is another one
        clocks = [replace(one, final=False) for one in several]
        with super().tables(client, below, clocks, dossier, anew=anew, fresh=fresh) as names:
            yield names
