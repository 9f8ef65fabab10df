"""The live side: from the record of events to each unit's counters, with Faust."""
