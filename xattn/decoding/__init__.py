"""Decoding with any `step(ids, position, state) -> (logits, state, record)`, independent of the model."""

from xattn.decoding.beam import BeamSearch, Search, beam_search, grow, join
from xattn.decoding.hypotheses import Hypotheses, Step, length_penalty
from xattn.decoding.sampling import draw, greedy, sample

__all__ = [
    "BeamSearch",
    "Hypotheses",
    "Search",
    "Step",
    "beam_search",
    "draw",
    "greedy",
    "grow",
    "join",
    "length_penalty",
    "sample",
]
