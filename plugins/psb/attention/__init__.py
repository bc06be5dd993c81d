"""Computational attention: more samples at some positions, or for some weights."""
