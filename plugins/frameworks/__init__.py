"""Adapters of the training plugins to training frameworks; each is imported by its own name only."""
