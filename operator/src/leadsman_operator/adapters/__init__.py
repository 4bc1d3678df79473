"""The clients of other servers: only here are their libraries imported, and errors converted."""
