"""xattn: a laboratory for cross-attention in JAX."""
