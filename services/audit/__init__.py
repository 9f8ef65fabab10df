"""What auditors ask: the table of a book from the record, anomalies, and live == history."""

from services.audit.app import audit_router
from services.audit.settled import Settled, forget_asked
from services.audit.settling import Settling
from services.audit.verifier import Rhythm, Verifier

__all__ = ["Rhythm", "Settled", "Settling", "Verifier", "audit_router", "forget_asked"]
