"""What auditors ask: the table of a book from the record, anomalies, and live == history."""

from services.audit.access_guard import Guard, access_of
from services.audit.access_pages import access_router
from services.audit.app import audit_router
from services.audit.documents.exports import Exports
from services.audit.settled import Settled, forget_asked
from services.audit.settling import Settling
from services.audit.verifier import Rhythm, Verifier

__all__ = [
    "Exports",
    "Guard",
    "Rhythm",
    "Settled",
    "Settling",
    "Verifier",
    "access_of",
    "access_router",
    "audit_router",
    "forget_asked",
]
