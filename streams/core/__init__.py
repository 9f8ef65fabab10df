"""The pure core: what a dossier is, what follows from its events, and how that is counted.

No I/O, no clock, no randomness: times and identities arrive in the events.
"""
