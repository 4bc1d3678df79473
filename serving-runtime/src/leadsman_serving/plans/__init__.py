"""Plans: models compiled into the fastest form that was proven to answer as the original does.

Compiled once, in the fetch step; the server starts from what that step wrote, without the
libraries that the original needs.
"""
