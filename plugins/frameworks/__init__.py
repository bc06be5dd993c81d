"""Adapters: relucid's training plugins in the words of training frameworks, each imported only by its own name."""
