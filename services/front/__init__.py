"""The live side in one process: gateway, wall and live counters."""
