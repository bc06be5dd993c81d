"""Progressive stochastic binarization (H Fig 4.2 to 4.5, Table 4.2)."""
