"""A kind cluster for demo and tests on any Linux machine, with or without Docker and a registry."""
