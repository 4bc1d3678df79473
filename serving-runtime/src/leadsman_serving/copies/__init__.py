"""Copies of requests: answered as requests are, and compared with the stable revision's answers."""
