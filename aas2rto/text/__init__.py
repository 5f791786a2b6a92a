"""Words: how numbers, times and lists are said to people, and where they are logged."""
