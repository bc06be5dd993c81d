"""How many patterns a step at each learning rate would change, over a training (H Fig 3.11 to 3.21)."""
