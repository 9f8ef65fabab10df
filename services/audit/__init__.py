"""The auditor's side: questions to the history, their answers as JSON and pages, verification."""

from services.audit.app import audit_router

__all__ = ["audit_router"]
