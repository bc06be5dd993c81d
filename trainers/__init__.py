"""Networks, data sets and recipes that reproduce the published figures and train the demo network."""
