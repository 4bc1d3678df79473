"""A TrainingRun with a schedule: it makes others of its kind, and trains nothing itself."""
