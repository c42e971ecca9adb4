"""Decoding over `step(ids, position, state) -> (logits, state, record)`; knows no model."""

from xattn.decoding.beam import beam_search
from xattn.decoding.greedy import greedy
from xattn.decoding.hypotheses import Hypotheses, Step, length_penalty

__all__ = ["Hypotheses", "Step", "beam_search", "greedy", "length_penalty"]
