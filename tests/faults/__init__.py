"""Faults and attacks as experiments with numbers: done, lost, duplicated, wrong, longest outage."""
