"""The parts of a TrainingRun's plan; `planner.training_run` puts them together."""
