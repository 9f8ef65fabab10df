"""Kafka to ClickHouse: every record of ``motcua.events`` into the history, once, for ever."""

from services.historian.calendar import store_calendar
from services.historian.clickhouse import ClickHouseHistory
from services.historian.follow import Historian, Storing, by_key_among
from services.historian.history import ForeignTopic, History, HistoryUnavailable
from services.historian.records import Batch, Record, batch_of, records_of

__all__ = [
    "Batch",
    "ClickHouseHistory",
    "ForeignTopic",
    "Historian",
    "History",
    "HistoryUnavailable",
    "Record",
    "Storing",
    "batch_of",
    "by_key_among",
    "records_of",
    "store_calendar",
]
