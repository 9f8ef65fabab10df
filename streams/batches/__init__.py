"""Faust fed by runs of records instead of single records, and a table that owns its position.

The only place that knows the inside of faust-streaming 0.15.3 and aiokafka 0.14.0; every name of
theirs that is used or replaced here has its line in ``tests/contract/test_faust_hooks.py``.

Faust costs 50 to 300 µs for every message and 140 µs for every table write. So one message carries
a *run*, which is all that one fetch gave of one partition, and the table writes its changelog once
for each run. With a single event in the run the latency is that of plain Faust.

**The state owns its position.** A partition of the changelog is an ordered log: after each run it
gets the changed entries and then one marker, «everything of the source below N is in here». A
restore gives entries and N, and the source is read on from N. Kafka's committed offsets, Faust's
acknowledgements, queues, flow control and rebalances may then lose or repeat what they like: a run
that is in the state is dropped or trimmed, a run that starts above N is a hole, and N is sought.
What is asked of the fold: a repeated event changes nothing, and two versions of an entry have a
union.

``transport.py`` makes runs, ``part.py`` is one partition's state, ``folding.py`` puts one into the
other, ``writer.py`` is the order of what is written, ``table.py`` Faust's life cycle around them.
"""

from streams.batches.fatal import die
from streams.batches.table import PositionedTable, StateOwner
from streams.batches.transport import Run, RunSchema, install
from streams.batches.writer import Message, Write

__all__ = [
    "Message",
    "PositionedTable",
    "Run",
    "RunSchema",
    "StateOwner",
    "Write",
    "die",
    "install",
]
