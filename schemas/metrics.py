"""The one table of metrics; whoever counts, exports or documents a metric takes it from here."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A line of the table. Counters get ``_total`` from the exporter."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    holds: str
    buckets: tuple[float, ...] = ()
    """Upper bounds, of histograms only."""


EVENTS_ACCEPTED = Metric(
    "motcua_events_accepted", "counter", ("emitter",), "events that Kafka acknowledged"
)
EVENTS_REFUSED = Metric(
    "motcua_events_refused",
    "counter",
    ("rule",),
    "events refused by the gateway, by the first rule they break",
)
REQUESTS_REFUSED = Metric(
    "motcua_requests_refused",
    "counter",
    ("rule",),
    "requests that were refused before their events were looked at",
)
ADMISSION_SECONDS = Metric(
    "motcua_admission_seconds",
    "histogram",
    (),
    "from the first byte of a request to Kafka's acknowledgement",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
)
EVENTS_WAITING = Metric(
    "motcua_events_waiting", "gauge", (), "records handed to Kafka and not acknowledged yet"
)

VERIFIED_EQUAL = Metric(
    "motcua_verified_equal_timestamp_seconds",
    "gauge",
    (),
    "when live and history were last compared and equal, Unix time; NaN: never",
)
VERIFY_AGE = Metric(
    "motcua_verify_age_seconds", "gauge", (), "age of the newest certificate; NaN: there is none"
)
VERIFY_DURATION = Metric(
    "motcua_verify_duration_seconds", "gauge", (), "what the newest certificate took to be made"
)
VERIFY_DIFFERENCES = Metric(
    "motcua_verify_differences", "gauge", (), "figures in which live and history differ"
)
VERIFY_WAITING = Metric(
    "motcua_verify_units_waiting", "gauge", (), "units that could not be compared yet"
)

METRICS: tuple[Metric, ...] = (
    EVENTS_ACCEPTED,
    EVENTS_REFUSED,
    REQUESTS_REFUSED,
    ADMISSION_SECONDS,
    EVENTS_WAITING,
    VERIFIED_EQUAL,
    VERIFY_AGE,
    VERIFY_DURATION,
    VERIFY_DIFFERENCES,
    VERIFY_WAITING,
)
