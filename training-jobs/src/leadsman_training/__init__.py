"""The training jobs of Leadsman: search, conclude, gate and register."""
