"""The serving runtime of Leadsman: answers predictions for one model version."""
