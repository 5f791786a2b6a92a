"""The page: a night on one screen, for people in a browser and for programs as JSON."""
