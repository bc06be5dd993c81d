"""Plugins: the analyzer's formulas where other programs run, while a network is trained or rewritten."""
