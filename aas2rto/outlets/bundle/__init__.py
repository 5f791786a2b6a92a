"""What an operator without an account needs for a night, as one zip file."""
