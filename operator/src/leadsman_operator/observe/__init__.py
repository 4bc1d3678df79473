"""Reads: everything that a decision may depend on; it decides nothing."""
