"""The command line: for operators, auditors, and whoever writes an emitter."""
