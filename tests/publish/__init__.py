"""Events on their way from the journal to the bus."""
