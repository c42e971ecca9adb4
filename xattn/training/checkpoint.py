"""Checkpoints of a run: the newest, to resume from; the best, to use; and regular ones, to compare."""

import logging
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from xattn.runs.folder import Run, RunError
from xattn.runs.weights import read_weights

# Orbax warns of its own defaults; what matters to a user raises.
logging.getLogger("absl").setLevel(logging.ERROR)

# Orbax names its items; a checkpoint holds the arrays of the state, the parameters to use (which may be an average that
# is not in the state), and a few plain numbers about the run.
STATE, PARAMS, PROGRESS = "state", "params", "progress"


class Checkpoints:
    """A folder of checkpoints: `newest` and `best` are steps, or None where there are none yet.

    Writing is atomic: an interrupted save leaves the previous checkpoint. Higher scores are better, and of equal scores
    the later one. Multiples of `keep_every` steps are kept too.
    """

    def __init__(self, folder: Path, *, keep_every: int | None = None, read_only: bool = False):
        self.folder = folder.absolute()
        policies = [
            checkpoint_managers.LatestN(1),
            checkpoint_managers.BestN(
                get_metric_fn=lambda metrics: metrics["score"], n=1, keep_checkpoints_without_metrics=False
            ),
        ]
        if keep_every is not None:
            policies.append(checkpoint_managers.EveryNSteps(keep_every))
        self.manager = ocp.CheckpointManager(
            self.folder,
            item_names=(STATE, PARAMS, PROGRESS),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=checkpoint_managers.AnyPreservationPolicy(policies),
                best_fn=lambda metrics: metrics["score"],
                read_only=read_only,
                create=not read_only,
                enable_async_checkpointing=False,
            ),
        )

    @property
    def newest(self) -> int | None:
        """The last step saved."""
        return self.manager.latest_step()

    @property
    def steps(self) -> list[int]:
        """All steps that are kept, in order."""
        return sorted(self.manager.all_steps())

    @property
    def best(self) -> int | None:
        """The step with the highest score."""
        return self.manager.best_step()

    def save(
        self, step: int, state: Any, progress: dict[str, Any], params: Any = None, score: float | None = None
    ) -> None:
        """Saves a state and the progress of its run; after a validation, also the parameters to use and their score.

        A checkpoint without a score can be the newest, but never the best.
        """
        items: dict[str, Any] = {STATE: ocp.args.PyTreeSave(state), PROGRESS: ocp.args.JsonSave(progress)}
        if params is not None:
            items[PARAMS] = ocp.args.PyTreeSave(params)
        self.manager.save(step, args=ocp.args.Composite(**items), metrics=None if score is None else {"score": score})
        self.manager.wait_until_finished()

    def restore(self, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
        """The state at a step as NumPy arrays, in the structure of `like`, and the progress saved with it."""
        items = {STATE: _as_numpy(like), PROGRESS: ocp.args.JsonRestore()}
        restored = self.manager.restore(step, args=ocp.args.Composite(**items))
        return restored[STATE], dict(restored[PROGRESS])

    def restore_params(self, step: int, like: Any) -> Any:
        """The parameters to use at a step as NumPy arrays, in the structure of `like`."""
        if not (self.folder / str(step) / PARAMS).exists():
            # Written before averages existed: the trained parameters are the ones to use.
            items = {STATE: _as_numpy({"params": like}, partial=True)}
            return self.manager.restore(step, args=ocp.args.Composite(**items))[STATE]["params"]
        return self.manager.restore(step, args=ocp.args.Composite(**{PARAMS: _as_numpy(like)}))[PARAMS]

    def close(self) -> None:
        """Waits for unfinished writes."""
        self.manager.close()


def best_params(run: Run, like: Any, step: int | None = None) -> Any:
    """The parameters to use of a run: its exported weights if it has some, otherwise those of its best checkpoint.

    `step` selects a checkpoint instead, one of `Run.checkpoints`. `like` has their structure, shapes and types. Raises
    `RunError` for a run without checkpoints.
    """
    if run.weights.exists() and step is None:
        try:
            arrays = read_weights(run.weights)
            return jax.tree_util.tree_map_with_path(
                lambda path, leaf: jnp.asarray(arrays[parameter_name(path)], leaf.dtype), like
            )
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise RunError(
                f"{run.weights} does not hold the weights of this run, or is damaged ({error!r:.80})."
            ) from None
    checkpoints = Checkpoints(run.checkpoints, read_only=True) if run.checkpoints.is_dir() else None
    if checkpoints is None or checkpoints.best is None:
        raise RunError(f"{run.folder} has no checkpoint yet: train it first (xattn train).")
    return checkpoints.restore_params(checkpoints.best if step is None else step, like)


def parameter_name(path: Iterable[Any]) -> str:
    """A parameter's path in the model as a name: `encoder.layers.0.mlp.up.kernel`."""
    return jax.tree_util.keystr(tuple(path), simple=True, separator=".")


def _as_numpy(like: Any, partial: bool = False) -> ocp.args.PyTreeRestore:
    # NumPy, because a checkpoint may be read on other devices than those that wrote it.
    kinds = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), like)
    return ocp.args.PyTreeRestore(like, restore_args=kinds, partial_restore=partial)
