"""The step before the server: it has the registry's credentials, and ends before requests come."""
