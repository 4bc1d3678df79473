"""The operator of Leadsman: observes, plans and applies."""
