"""Checkpoints of a run: the newest, to go on from, and the best, to use."""

import json
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

# Orbax names its items; a checkpoint holds the arrays of the state and a few plain numbers about the run.
STATE, PROGRESS = "state", "progress"


class Checkpoints:
    """A folder of checkpoints: `newest` and `best` are steps, or None where there is nothing yet.

    Writing is atomic: an interrupted save leaves the one before it. Higher scores are better.
    """

    def __init__(self, folder: Path, *, read_only: bool = False):
        self.folder = folder.absolute()
        policy = checkpoint_managers.AnyPreservationPolicy(
            [
                checkpoint_managers.LatestN(1),
                checkpoint_managers.BestN(get_metric_fn=lambda metrics: metrics["score"], n=1, keep_checkpoints_without_metrics=False),
            ]
        )
        self.manager = ocp.CheckpointManager(
            self.folder,
            item_names=(STATE, PROGRESS),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=policy,
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
    def best(self) -> int | None:
        """The step with the highest score."""
        return self.manager.best_step()

    def save(self, step: int, state: Any, progress: dict[str, Any], score: float | None) -> None:
        """Saves a state with the progress of its run; without a score it can be the newest, never the best."""
        items = ocp.args.Composite(
            **{STATE: ocp.args.StandardSave(state), PROGRESS: ocp.args.JsonSave(progress)}  # pyright: ignore
        )
        self.manager.save(step, args=items, metrics=None if score is None else {"score": score})
        self.manager.wait_until_finished()

    def restore(self, step: int, like: Any) -> tuple[Any, dict[str, Any]]:
        """The state at a step, in the structure of `like` (arrays or shapes), and the progress saved with it."""
        shapes = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        items = ocp.args.Composite(
            **{STATE: ocp.args.StandardRestore(shapes), PROGRESS: ocp.args.JsonRestore()}  # pyright: ignore
        )
        restored = self.manager.restore(step, args=items)
        return restored[STATE], json.loads(json.dumps(restored[PROGRESS]))

    def restore_params(self, step: int, like: Any) -> Any:
        """The parameters alone, in the structure of `like`: all that using a model needs."""
        shapes = {"params": jax.tree.map(ocp.utils.to_shape_dtype_struct, like)}
        items = ocp.args.Composite(**{STATE: ocp.args.PyTreeRestore(shapes, partial_restore=True)})  # pyright: ignore
        return self.manager.restore(step, args=items)[STATE]["params"]

    def close(self) -> None:
        """Waits for what is being written."""
        self.manager.close()
