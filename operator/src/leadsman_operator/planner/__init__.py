"""Decisions: pure functions from what was observed to what is to be done.

No input or output, no clock, no randomness, no logging: the same observation gives the same
plan, in the operator, in a simulation and in an explanation.
"""
