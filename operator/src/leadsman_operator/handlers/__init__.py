"""The edge to kopf, which watches the resources: it keeps a loop for each, and wakes it.

Nothing is decided here, and nothing is read from an event but whom it is about.
"""
