"""Attention maps, the word links extracted from them, and their scores; NumPy only, independent of the model."""
