"""What came of comparing live with history, as it stands in ``motcua.certificates``.

The topic has one key, so that it keeps the newest certificate. ``sha256`` is computed over the
record itself, so that whoever has a copy can tell whether it was changed: take the JSON object
without ``sha256``, write it with sorted keys, without spaces, as UTF-8 (RFC 8785; it holds no
fractions), and hash that with SHA-256:

    jq -cjS 'del(.sha256)' certificate.json | sha256sum
"""

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, computed_field

from schemas.snapshots import CellRow

CERTIFICATE_KEY = "certificate"
"""Kafka key of every certificate."""

State = Literal["equal", "differs", "waiting"]


class Difference(BaseModel):
    """One figure on which live and history do not agree."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    unit: str
    month: str | None
    """Null: a figure of the unit as a whole."""
    cell: CellRow | str
    """The cell (its count is the history's), or ``dossiers`` or ``open``."""
    live: int
    history: int
    dossiers: tuple[str, ...] = ()
    """Dossiers that the history counts in this cell; when it counts none there, those that it
    counts on the same day under the same measure. Of the first units only, and the first ones."""


class Certificate(BaseModel):
    """What one cycle of the verification found.

    A unit is compared when the counters of its newest snapshot were held against a recount of the
    events below the snapshot's own offset, in this cycle or, the snapshot being the same, before.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    state: State
    """``equal``: every unit is compared and none differs. ``differs``: at least one differs.
    ``waiting``: none differs, and some are not compared yet."""
    compared_at: str
    """RFC 3339: when the live counters that were compared were taken."""
    duration_ms: int
    code_version: str
    """Version of the product that compared."""

    units: int
    """Units that live or history have dossiers of."""
    units_compared: int
    units_differing: int
    cells_compared: int
    offsets: dict[int, int]
    """For each partition of ``motcua.events`` the greatest offset up to which a unit was compared.
    """
    history_behind: int
    """Records that the live side has counted and the history had not read."""

    recounted: int
    """Units that this cycle recounted; the others stand as they were found before."""
    oldest_recount_at: str | None
    """RFC 3339: none of the compared units was recounted before."""
    all_recounted_within_s: int
    """Every unit is recounted at least so often, also when nothing changes."""
    next_within_s: int | None
    """If no newer certificate has come so long after ``compared_at``, nobody compares any more.
    Null: nobody compares but on demand."""
    equal_at: str | None
    """RFC 3339: ``compared_at`` of the newest certificate that was equal, perhaps this one."""

    differences_found: int
    differences: tuple[Difference, ...]
    """The first ones."""
    sha256: str = ""
    """64 hex digits; see this module."""

    @computed_field  # type: ignore[prop-decorator]  # mypy does not know properties below others
    @property
    def equal(self) -> bool:
        """Every unit is compared and none differs."""
        return self.state == "equal"


def seal(certificate: Certificate) -> Certificate:
    """The certificate with its ``sha256``."""
    return certificate.model_copy(update={"sha256": digest_of(certificate.model_dump(mode="json"))})


def digest_of(document: Mapping[str, Any]) -> str:
    """``sha256`` as it must be for this JSON object, whatever stands there."""
    content = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def read_certificate(value: bytes) -> Certificate:
    """The certificate in a record. Raises ``ValueError`` for what is none or was changed."""
    document = orjson.loads(value)
    certificate = Certificate.model_validate(document)
    if digest_of(document) != certificate.sha256:
        raise ValueError("sha256 is not that of the certificate's content")
    return certificate
