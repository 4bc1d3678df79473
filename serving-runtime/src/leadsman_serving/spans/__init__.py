"""Spans of sampled requests, sent to an OpenTelemetry collector."""
