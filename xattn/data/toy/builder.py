"""The toy languages as builders of TensorFlow Datasets: array_record files, without TensorFlow.

Importing tensorflow_datasets takes a second, so this module is imported inside the functions that need it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from xattn.data.pairs import WordLinks
from xattn.data.tfds import records
from xattn.data.toy.grammar import VERSION, Example, Language, Sizes, generate


class Toy(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """English sentences, their translations and gold word links, from a grammar."""

    VERSION = tfds.core.Version(VERSION)
    language: Language
    """Language of the translation."""
    feature: str
    """Name of the feature that holds the translation."""

    def __init__(self, *, data_dir: Path, sizes: Sizes, seed: int):
        self.sizes, self.seed = sizes, seed
        super().__init__(data_dir=data_dir)

    def _info(self) -> tfds.core.DatasetInfo:
        links = tfds.features.Tensor(shape=(None, 2), dtype=np.int32)
        text = tfds.features.Text()
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict(
                {"english": text, self.feature: text, "sure": links, "possible": links}
            ),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        splits = generate(self.sizes, self.seed, self.language)
        return {name: self._generate_examples(rows) for name, rows in splits.items()}

    def _generate_examples(self, examples: list[Example]) -> Iterator[tuple[int, dict[str, Any]]]:
        for i, example in enumerate(examples):
            links = {name: np.array(getattr(example, name), np.int32) for name in ("sure", "possible")}
            yield i, {"english": example.english, self.feature: example.target, **links}


class ToyEnFr(Toy):
    """English and French."""

    language, feature = "fr", "french"


class ToyEnHi(Toy):
    """English and Hindi."""

    language, feature = "hi", "hindi"


BUILDERS = {"toy_en_fr": ToyEnFr, "toy_en_hi": ToyEnHi}


def build(corpus: str, folder: Path, sizes: Sizes, seed: int) -> None:
    """Generates the splits of a corpus, one of `BUILDERS`, and writes them into a folder."""
    tfds.disable_progress_bar()  # five bars in a few seconds; callers report progress
    builder = BUILDERS[corpus](data_dir=folder, sizes=sizes, seed=seed)
    builder.download_and_prepare(file_format="array_record")


def read(corpus: str, folder: Path, split: str) -> Iterator[tuple[str, str, WordLinks, WordLinks]]:
    """Yields English, translation, sure links and possible links of every sentence of a split that `build` wrote."""
    interned: dict[tuple[int, int], tuple[int, int]] = {}  # one tuple in memory for all equal links

    def links(flat: Sequence[int]) -> WordLinks:
        return tuple(interned.setdefault(link, link) for link in zip(flat[::2], flat[1::2], strict=True))

    builder = tfds.builder_from_directory(folder / corpus / VERSION)
    for record in records(builder, split, corpus):
        english, target = (record[name][0].decode() for name in ("english", BUILDERS[corpus].feature))
        yield english, target, links(record["sure"]), links(record["possible"])
