"""What is sent elsewhere from a thread of its own: bounded, counted, never waited for."""
