"""A weight as sign, exponent and probability, and the random numbers that sample it."""
