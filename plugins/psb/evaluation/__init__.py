"""The cost of a rewritten model, and its deviation from the float model."""
