"""Programs compiled ahead: those of the plain jit, each once, errors and all; whoever waits goes first."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from xattn.training import devices
from xattn.training.compile_ahead import Ahead

ROWS, COLUMNS = 8, (5, 3, 7)


def batch(columns):
    return {"x": np.random.default_rng(columns).normal(size=(ROWS, columns)).astype(np.float32)}


def update(state, batch, axis):
    total = jnp.sum(jnp.sin(batch["x"]) * state["w"])
    if axis is not None:
        total = jax.lax.psum(total, axis)
    return {"w": state["w"] + total}, total


def state():
    return {"w": np.float32(0.3)}


@pytest.mark.parametrize("strategy", list(devices.STRATEGIES))
def test_programs_are_those_of_the_plain_jit(strategy):
    placement = devices.place(strategy)
    plain = placement.compile(update, donate=True)
    one, other = placement.replicate(state()), placement.replicate(state())
    with Ahead(placement) as ahead:
        # The last shape is not announced; it is compiled when it comes.
        programs = ahead.compile(update, jax.eval_shape(state), [batch(n) for n in COLUMNS[:2]], donate=True)
        for columns in (3, 5, 7, 3):
            consumed = one
            one, total = programs(one, batch(columns))
            other, expected = plain(other, placement.cut(batch(columns)))
            assert placement.fetch(total) == placement.fetch(expected)
            assert placement.fetch(one)["w"] == placement.fetch(other)["w"]
        assert consumed["w"].is_deleted()
    assert ahead.waiting == 0


def test_every_shape_is_compiled_once_in_the_order_of_its_need():
    seen = []

    def function(state, batch, axis):
        seen.append(batch["x"].shape[1])
        return batch["x"].sum()

    with Ahead(devices.single()) as ahead:
        programs = ahead.compile(function, state(), [batch(n) for n in (5, 3, 5, 7, 3)])
        for columns in (7, 5, 3):
            np.testing.assert_allclose(programs(state(), batch(columns)), batch(columns)["x"].sum(), rtol=1e-5)
    assert sorted(seen) == [3, 5, 7]
    assert [columns for columns in seen if columns != 7] == [5, 3]


@pytest.fixture
def one_thread(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)


def test_what_is_waited_for_goes_first_and_the_rest_is_dropped(one_thread):
    begun, go_on, seen = threading.Event(), threading.Event(), []

    def function(state, batch, axis):
        seen.append(batch["x"].shape[1])
        if batch["x"].shape[1] == COLUMNS[0]:
            begun.set()
            assert go_on.wait(60)
        return batch["x"].size * state["w"]

    with Ahead(devices.single()) as ahead:
        programs = ahead.compile(function, state(), [batch(n) for n in COLUMNS])
        assert begun.wait(60)
        assert programs(state(), batch(7)) == np.float32(7 * ROWS * state()["w"])
        assert ahead.waiting == 2
        threading.Timer(0.05, go_on.set).start()
    assert seen == [5, 7]


def test_an_error_is_raised_where_its_program_is_asked_for(one_thread):
    def function(state, batch, axis):
        if batch["x"].shape[1] == 3:
            raise ValueError("three columns")
        return batch["x"].sum()

    with Ahead(devices.single()) as ahead:
        programs = ahead.compile(function, state(), [batch(n) for n in COLUMNS])
        for columns in (5, 7):
            assert np.isfinite(programs(state(), batch(columns)))
        for _ in range(2):
            with pytest.raises(ValueError, match="three columns"):
                programs(state(), batch(3))
