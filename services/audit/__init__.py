"""What auditors ask: the table of a book from the record, anomalies, and live == history."""
