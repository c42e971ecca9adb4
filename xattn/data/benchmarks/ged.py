"""Graphs with the exact edit distance of every pair: LINUX and AIDS700nef (Bai et al., 2019).

The folder contains `graphs.tar.gz` and, for each data set, `NAME_exact_ged.npz`.

* `graphs.tar.gz` has the members `NAME/train/ID.json` and `NAME/test/ID.json`: `n`, the number of nodes; `m`, the
  number of edges; `labels`, one per node, or null; `graph`, the edges. `AIDS/labels.json` numbers the labels.
* `NAME_exact_ged.npz` has `ged` [G,G], the distances under unit costs; `map_upper` [G(G-1)/2,n], one optimal node map
  for every pair i < j in the order of `numpy.triu_indices(G, 1)`, where -1 is a deleted node and -2 padding; and
  `ids`, `test` and `n` of the graphs, in the order of their file names.
"""

import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Bool, Int

from xattn.data.pairs import DataError
from xattn.data.paths import expand

Name = Literal["linux", "aids"]
ARRAYS = ("ged", "map_upper", "ids", "test", "n")


class GedDataset(NamedTuple):
    """All G graphs of a data set, padded to S nodes with isolated ones, and their edit distances."""

    edges: Bool[np.ndarray, "G S S"]
    kinds: Int[np.ndarray, "G S"]
    """Label of every node; 0 if nodes have no labels."""
    sizes: Int[np.ndarray, " G"]
    """Number of nodes, without padding."""
    names: tuple[str, ...] | None
    """Names of the labels; None if nodes have no labels."""
    test: Bool[np.ndarray, " G"]
    """True for the graphs of the official test split."""
    distances: Int[np.ndarray, "G G"]
    """Exact edit distances with unit costs."""
    maps: Int[np.ndarray, "P S"]
    """One optimal node map for every pair; `map_of` looks one up."""

    def map_of(self, first: Int[np.ndarray, " E"], second: Int[np.ndarray, " E"]) -> Int[np.ndarray, "E S"]:
        """For each node of the first graph, its node in the second under one optimal edit path; negative for none.

        The index of the first graph must be lower than that of the second, in every pair.
        """
        count = len(self.sizes)
        return self.maps[first * count - first * (first + 1) // 2 + second - first - 1]


def files(folder: str, name: Name) -> tuple[Path, Path]:
    """The graphs and the distances of a data set. Raises `DataError` if one of the files is missing."""
    root = Path(expand(folder))
    packed, distances = root / "graphs.tar.gz", root / f"{name}_exact_ged.npz"
    for path in (packed, distances):
        if not path.is_file():
            raise DataError(
                f"There is no file {path}: task.corpus must be a folder with graphs.tar.gz and "
                f"{' and '.join(f'{each}_exact_ged.npz' for each in get_args(Name))}."
            )
    return packed, distances


def load(folder: str, name: Name) -> GedDataset:
    """Reads a data set from its folder.

    Raises `DataError` if a file is missing, cannot be read, or does not match the others.
    """
    packed, distances = files(folder, name)
    graphs, labels = _unpack(packed, name)
    arrays = _arrays(distances)
    ids = [int(Path(member).stem) for member in graphs]
    test = [Path(member).parent.name == "test" for member in graphs]
    sizes = [graph["n"] for graph in graphs.values()]
    for key, ours in (("ids", ids), ("test", test), ("n", sizes)):
        if not np.array_equal(arrays[key], ours):
            raise DataError(f"{distances} does not match {packed}: {key!r} differs from that of the graphs.")
    count, widest = len(graphs), arrays["map_upper"].shape[-1]
    shapes = {"ged": (count, count), "map_upper": (count * (count - 1) // 2, max(sizes))}
    for key, shape in shapes.items():
        if arrays[key].shape != shape:
            raise DataError(
                f"{distances}: {key!r} is {list(arrays[key].shape)}, but {count} graphs need {list(shape)}."
            )
    edges, kinds = np.zeros((count, widest, widest), bool), np.zeros((count, widest), np.int32)
    for number, (member, graph) in enumerate(graphs.items()):
        if len(graph["graph"]) != graph["m"] or any(
            not 0 <= node < graph["n"] for pair in graph["graph"] for node in pair
        ):
            raise DataError(f"{packed}, {member}: 'graph' must be {graph['m']} pairs of nodes below {graph['n']}.")
        for a, b in graph["graph"]:
            edges[number, [a, b], [b, a]] = True
        for node, label in enumerate(graph["labels"] or ()):
            if label not in labels:
                raise DataError(f"{packed}, {member}: there is no label {label!r} in AIDS/labels.json.")
            kinds[number, node] = labels[label]
    named = all(graph["labels"] for graph in graphs.values())
    return GedDataset(
        edges=edges,
        kinds=kinds,
        sizes=np.array(sizes, np.int32),
        names=tuple(sorted(labels, key=labels.__getitem__)) if named else None,
        test=np.array(test),
        distances=arrays["ged"],
        maps=arrays["map_upper"],
    )


def _unpack(packed: Path, name: Name) -> tuple[dict[str, Any], dict[str, int]]:
    """The graphs by file name, sorted, and the numbers of the labels."""
    graphs, labels = {}, {}
    try:
        with tarfile.open(packed) as archive:
            for member in archive:
                parts = Path(member.name).parts
                if not member.isfile() or member.name.rpartition(".")[2] != "json" or parts[0].lower() != name:
                    continue
                file = archive.extractfile(member)
                assert file is not None, "the member is a regular file"
                (labels if parts[-1] == "labels.json" else graphs.setdefault(member.name, {})).update(json.load(file))
    except (tarfile.TarError, OSError, EOFError, json.JSONDecodeError) as error:
        raise DataError(f"{packed} cannot be read: {error}.") from None
    if not graphs:
        raise DataError(f"{packed} has no graphs of {name!r}: files such as {name}/train/1.json.")
    return dict(sorted(graphs.items())), labels


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, because NumPy does not close a file that it cannot read.
        with path.open("rb") as opened, np.load(opened) as file:
            if missing := [key for key in ARRAYS if key not in file]:
                raise DataError(f"{path} has no {', '.join(missing)}: it must hold {', '.join(ARRAYS)}.")
            return {key: file[key] for key in ARRAYS}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from None
