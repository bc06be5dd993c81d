"""A weight as sign, exponent and probability, and the random numbers it is sampled with."""
