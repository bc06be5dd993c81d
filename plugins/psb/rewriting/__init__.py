"""From a float model to a model of PSB operators."""
