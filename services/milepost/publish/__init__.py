"""Events leave the journal for the bus: in order, each once, fenced, and rather halted than lost."""
