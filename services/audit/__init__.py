"""What auditors ask: the table of a book from the record, anomalies, and live == history."""

from services.audit.app import audit_router
from services.audit.settled import Settled, forget_asked
from services.audit.settling import Settling

__all__ = ["Settled", "Settling", "audit_router", "forget_asked"]
