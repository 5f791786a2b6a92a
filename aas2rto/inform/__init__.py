"""What a cycle found goes out: it is stored, then drawn, sent and answered."""
