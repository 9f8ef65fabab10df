"""The edges: admission, history, the wall, the audit, the emitter's side, the command line."""
