"""What units of care have decided, as a file says it."""
