"""The published language: what crosses a process, a topic, a table or a file has its shape here.

Nothing in this package does I/O beyond reading its own packaged data files (books, registry).
"""
