"""What the services must be told; the only place of this package that reads the environment."""

from typing import Literal

from pydantic import Field, SecretStr

from streams.settings import StreamSettings


class Settings(StreamSettings):
    """Read once, at start, from ``MOTCUA_*``; frozen."""

    clickhouse: str = Field(
        "", description="chdb:<folder>, or http(s)://user:password@host:port/database; "
        "empty: chdb in the data folder"
    )  # fmt: skip
    installation_title: str = Field("UBND huyện Đắk Hà", description="whose screens these are")
    book: str = Field("dak-ha-2023", description="book that the wall shows")
    demo: bool = Field(False, description="the data is invented; every page says so")
    log_format: Literal["text", "json"] = Field("text", description="how log lines look")
    key: SecretStr = Field(
        SecretStr(""), description="emitter's key that the command line sends with events"
    )
    audit_key: SecretStr = Field(
        SecretStr(""), description="account's key with which the command line asks the audit"
    )
    max_event_bytes: int = Field(1_000_000, ge=1000, description="largest body of one event")
    max_batch_bytes: int = Field(8_000_000, ge=1000, description="largest body of a batch")
    max_batch_events: int = Field(1000, ge=1, description="most events in a batch")
    max_depth: int = Field(16, ge=4, description="deepest nesting of an event's JSON")
    kafka_wait_s: float = Field(
        5, gt=0, description="how long a sender waits for Kafka before it is told to try again"
    )
    verify_every_s: float = Field(
        30, ge=0, description="pause between two cycles of the verification; 0: only on demand"
    )
    verify_all_within_s: float = Field(
        3600, ge=1, description="every unit is recounted so often, also when nothing changes"
    )

    @property
    def clickhouse_address(self) -> str:
        """``clickhouse``, or chDB in the data folder when it is not set."""
        return self.clickhouse or f"chdb:{self.data / 'clickhouse'}"

    @property
    def front_url(self) -> str:
        """Where gateway and wall answer."""
        return f"http://{self.host}:{self.port}"

    @property
    def audit_url(self) -> str:
        """Where the audit answers."""
        return f"http://{self.host}:{self.port + 1}"
