"""Learning rates by name, at every step, against their formulas."""

import itertools
import math

import numpy as np
import pytest

from xattn.config import Experiment, Optimizer, Training
from xattn.training.optimizer import SCHEDULES, schedule

PEAK, STEPS = 0.3, 31

# The decay after the warm-up, as its papers write it.
FORMULAS = {
    "cosine": lambda step, warmup: PEAK / 2 * (1 + math.cos(math.pi * (step - warmup) / (STEPS - warmup))),
    "linear": lambda step, warmup: PEAK * (STEPS - step) / (STEPS - warmup),
    "inverse_sqrt": lambda step, warmup: PEAK * math.sqrt(warmup / step),
    "constant": lambda step, warmup: PEAK,
}


def rates(name, warmup):
    optimizer = Optimizer(learning_rate=PEAK, schedule=name, warmup=warmup)
    rate = schedule(Experiment(optimizer=optimizer, training=Training(steps=STEPS)))
    return [float(rate(step)) for step in range(STEPS + 1)]


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_linear_warmup_and_then_the_formula(name):
    wanted = [PEAK * step / 7 if step < 7 else FORMULAS[name](step, 7) for step in range(STEPS + 1)]
    np.testing.assert_allclose(rates(name, 7), wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", SCHEDULES)
def test_without_warmup_the_peak_comes_first(name):
    got = rates(name, 0)
    assert got[0] == pytest.approx(PEAK)
    assert all(np.isfinite(got))
    assert all(b <= a for a, b in itertools.pairwise(got))
