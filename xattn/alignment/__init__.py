"""Attention maps, the links read out of them, and their scores: NumPy only, and no model."""
