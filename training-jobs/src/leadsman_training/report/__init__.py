"""What is known of a new version, for people: numbers with their intervals, pictures, a page."""
