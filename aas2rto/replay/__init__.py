"""A past span judged night by night, as it was known then: what a ranking would have caught."""
