"""Depth x width grids on MOONS and MNIST, with and without separation constraints."""
