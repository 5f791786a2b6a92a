"""The tables that flow through the program: their columns and units, and what they mean."""
