"""A list for others: marshals, brokers, messages, observation blocks."""
