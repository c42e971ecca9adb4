"""The newest checkpoint to go on from, the best one to use; others are kept only where that was asked for."""

import jax.numpy as jnp
import numpy as np

from xattn.training.checkpoint import Checkpoints
from xattn.training.step import State


def state(step):
    params = {"layers": {0: {"kernel": jnp.full((3, 5), step, jnp.float32)}}}
    return State(step=jnp.int32(step), params=params, optimizer=(params, jnp.float32(0.5)))


def test_the_newest_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.newest is None
    assert checkpoints.best is None
    for step, score in [(1, 0.1), (2, 0.7), (3, 0.3), (4, None), (5, 0.2)]:
        checkpoints.save(step, state(step), {"epoch": step, "best": score}, state(10 * step).params, score)
    checkpoints.save(6, state(6), {"epoch": 6, "best": None})
    checkpoints.close()

    again = Checkpoints(tmp_path / "checkpoints")
    assert (again.newest, again.best) == (6, 2)
    kept = sorted(int(p.name) for p in again.folder.iterdir() if p.name.isdigit())
    assert kept == [2, 6]
    restored, progress = again.restore(6, state(0))
    assert progress == {"epoch": 6, "best": None}
    assert int(restored.step) == 6
    np.testing.assert_array_equal(restored.params["layers"][0]["kernel"], np.full((3, 5), 6))
    np.testing.assert_array_equal(restored.optimizer[1], 0.5)
    params = again.restore_params(2, state(0).params)
    np.testing.assert_array_equal(params["layers"][0]["kernel"], np.full((3, 5), 20))
    # A checkpoint without parameters of their own to use: those that were trained.
    params = again.restore_params(6, state(0).params)
    np.testing.assert_array_equal(params["layers"][0]["kernel"], np.full((3, 5), 6))
    again.close()


def test_multiples_of_keep_every_are_kept_too(tmp_path):
    scores = {2: 0.1, 3: 0.7, 4: 0.2, 6: 0.3, 8: 0.4, 9: None}
    for step, score in scores.items():
        # Opened anew for every step, as by runs that were interrupted: opening removes nothing either.
        checkpoints = Checkpoints(tmp_path / "checkpoints", keep_every=4)
        checkpoints.save(step, state(step), {}, state(10 * step).params, score)
        checkpoints.close()
    again = Checkpoints(tmp_path / "checkpoints", read_only=True)
    assert again.steps == [3, 4, 8, 9]
    assert (again.newest, again.best) == (9, 3)
    params = again.restore_params(4, state(0).params)
    np.testing.assert_array_equal(params["layers"][0]["kernel"], np.full((3, 5), 40))
