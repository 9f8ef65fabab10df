"""Admission over HTTP: who may send what, what is refused and why, and the way into Kafka."""
