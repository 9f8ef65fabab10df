"""Admission over HTTP: who may send what, what is refused and why, and the way into Kafka."""

from services.gateway.app import build_gateway, build_log
from services.gateway.credentials import Keys, credentials_file

__all__ = ["Keys", "build_gateway", "build_log", "credentials_file"]
