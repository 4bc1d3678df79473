"""The contract of Leadsman: its two custom resources and the names that all parts share."""
