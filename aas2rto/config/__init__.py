"""A config file becomes a frozen, checked science case; all that is wrong is said at once."""
