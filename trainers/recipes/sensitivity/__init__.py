"""Which learning rate changes how many patterns (H Fig 3.11 to 3.21)."""
