"""What a part is (source, model, factor, messenger), its settings, how it is found by name."""
