"""What the worker must be told; the only place of this package that reads the environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class StreamSettings(BaseSettings):
    """Read once, at start, from ``MOTCUA_*``; frozen."""

    model_config = SettingsConfigDict(env_prefix="MOTCUA_", frozen=True, extra="ignore")

    kafka: str = Field("127.0.0.1:8402", description="Kafka bootstrap servers, host:port,…")
    topic_prefix: str = Field("motcua", description="first part of every topic's name")
    data: Path = Field(Path("data/main"), description="data folder of this installation")
    host: str = Field("127.0.0.1", description="address that servers bind to")
    port: int = Field(8400, description="gateway and wall; the audit is at +1, inner ports follow")
    worker_instance: str = Field(
        "worker-1", description="static membership: a restarted worker is back at once"
    )
    worker_generation: int = Field(
        0, ge=0, description="state of the worker in force (1, 2, …); 0: what the data folder says"
    )
    snapshot_every_ms: int = Field(
        100, ge=10, description="at most one snapshot of a changed unit in this time"
    )
    unreadable_in_a_row: int = Field(
        100, ge=1, description="so many unreadable records in a row stop the worker"
    )
