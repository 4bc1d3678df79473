"""What several tests share: builders, waiting, and ways to look at the project."""
