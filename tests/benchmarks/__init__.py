"""Speed as ratios in one run: ours beside a reference on the same machine, never a timed test."""
