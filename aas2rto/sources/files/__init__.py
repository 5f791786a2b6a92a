"""Light curves in files: tables of any spelling, positions, alert archives."""
