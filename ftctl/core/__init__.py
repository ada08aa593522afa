"""Pure values and rules: nothing here reads a file, a socket or the system clock (but for core.clock itself)."""
