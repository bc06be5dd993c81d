"""Optimizer steps: observed, tried at other rates, and undone bit for bit."""
