"""The auditor's side: questions to the history, their answers as JSON and pages, verification."""

from services.audit.app import audit_router
from services.audit.verifier import Rhythm, Verifier

__all__ = ["Rhythm", "Verifier", "audit_router"]
