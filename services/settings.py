"""What the services must be told; the only place of this package that reads the environment."""

from typing import Literal

from pydantic import Field

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
