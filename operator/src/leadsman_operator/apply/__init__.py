"""Writes: a plan is carried out, then its status is written."""
