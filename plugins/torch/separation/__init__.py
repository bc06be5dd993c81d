"""A loss term that keeps the units and points of a network able to switch."""
