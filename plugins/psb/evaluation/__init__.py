"""What a rewritten model costs, and how far it deviates from the model it was made from."""
