"""Sentence pairs from any data set of TensorFlow Datasets (TFDS), downloaded and prepared once, without TensorFlow.

Importing tensorflow_datasets takes a second, so this module is imported inside the functions that need it.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
import tensorflow_datasets.translate  # registers the data sets of that folder
from tensorflow_datasets.proto import tf_example_pb2

from xattn.data.pairs import BadLines, DataError, Pair

# Records read at a time.
CHUNK = 1024
# An error lists up to this many names; of a longer list, only the nearest.
FEW = 12

Record = Mapping[str, Any]
"""The features of a record by path (`translations/language`), as lists of bytes or numbers."""


def read(name: str, split: str, *, source: str, target: str, folder: Path, bad: BadLines) -> Iterator[Pair]:
    """Yields the pairs of a split of a data set, such as `wmt14_translate/fr-en`.

    `split` may be a TFDS expression, such as `train[:2%]`. `source` and `target` name text features, or languages of
    a feature with several languages. Records without one of the two are left out and counted in `bad`. Raises
    `DataError` if the data set, its config, the split or a language does not exist.
    """
    builder = prepare(name, folder)
    languages = [_language(builder.info.features, name, side) for side in (source, target)]
    for number, record in enumerate(records(builder, split, f"tfds:{name}"), 1):
        place = f"tfds:{name}, {split}, record {number}"
        raw = [get(record) for get in languages]
        if raw[0] is None or raw[1] is None:
            bad.skip(place, f"there is no sentence in {source if raw[0] is None else target}")
            continue
        first = bad.decode(raw[0], place, "correct the data set")
        second = None if first is None else bad.decode(raw[1], place, "correct the data set")
        if first is not None and second is not None:
            yield Pair(first, second)


def identity(name: str, split: str, *, source: str, target: str, folder: Path) -> str:
    """The version and the size of the data set, and the records of a split. Raises `DataError` as `read` does."""
    builder = prepare(name, folder)
    for side in (source, target):
        _language(builder.info.features, name, side)
    records = len(_split(builder, split, f"tfds:{name}"))
    size = int(builder.info.dataset_size)
    return f"{builder.info.full_name} of {size:,} bytes, {source} to {target}, split {split} of {records:,} records"


def prepare(name: str, folder: Path) -> Any:
    """Returns the TFDS builder of a data set, downloaded and prepared in the folder if it is not there yet.

    Raises `DataError` for an unknown name or config, and when the download or the preparation fails.
    """
    base, _, config = name.partition("/")
    base, config = base.partition(":")[0], config.partition(":")[0]
    names = tfds.list_builders(with_community_datasets=False)
    if base not in names:
        raise DataError(f"TFDS {tfds.__version__} has no data set {base!r}.{_near(base, names)}")
    configs = list(tfds.builder_cls(base).builder_configs)
    if config not in configs and (config or len(configs) > 1):
        problem = (
            f"has no config {config!r}" if config else f"has several configs: name one, such as {base}/{configs[0]}"
        )
        raise DataError(f"tfds:{base} {problem}.{_near(config, configs)}")
    try:
        builder = tfds.builder(name, data_dir=folder)
        builder.download_and_prepare(file_format="array_record")
    except Exception as error:  # builders are third-party code and may raise anything
        raise DataError(
            f"tfds:{name} cannot be downloaded and prepared in {folder}: {type(error).__name__}: {error}"
        ) from error
    return builder


def records(builder: Any, split: str, name: str) -> Iterator[Record]:
    """Yields the records of a split, undecoded.

    `name` is the name of the data set in messages. Records are tf.train.Example messages, parsed here because the
    general decoder of tensorflow_datasets takes 150 µs for one, and this takes 30. Raises `DataError` for a split that
    does not exist.
    """
    source = _split(builder, split, name)
    for first in range(0, len(source), CHUNK):
        for record in source.__getitems__(range(first, min(first + CHUNK, len(source)))):
            feature = tf_example_pb2.Example.FromString(record).features.feature  # pyright: ignore[reportAttributeAccessIssue]
            yield {path: getattr(value, value.WhichOneof("kind")).value for path, value in feature.items()}


def _split(builder: Any, split: str, name: str) -> Any:
    """The records of a split, or of a part of it, by number."""
    splits = list(builder.info.splits)
    for part in split.split("+"):
        if (base := part.partition("[")[0].strip()) not in splits:
            raise DataError(
                f"{name} has no split {base!r}; it has {', '.join(splits)}. --task.train, --task.validation and"
                f" --task.test name the splits, or parts of them, such as '{splits[0]}[:2%]'."
            )
    try:
        return builder.as_data_source(split).data_source
    except ValueError as error:
        raise DataError(f"{name} cannot be split by {split!r}: {error}") from error


def _language(features: Any, name: str, language: str) -> Callable[[Record], bytes | None]:
    """Returns a function that takes the sentence in a language, or the text feature of that name, from a record."""
    texts, multilingual = _texts(features)
    matches = [path for path in texts if path == language or path.endswith(f"/{language}")]
    if len(matches) > 1 and language not in matches:
        raise DataError(f"tfds:{name} has several features {language!r}: write {' or '.join(matches)}.")
    if matches:
        path = language if language in matches else matches[0]
        return lambda record: record[path][0]
    candidates = [path for path, languages in multilingual.items() if not languages or language in languages]
    if not candidates:
        choices = [*texts, *(language for languages in multilingual.values() for language in languages)]
        raise DataError(f"tfds:{name} has no text feature {language!r}.{_near(language, sorted(choices))}")
    path, code = candidates[0], language.encode()

    def pick(record: Record) -> bytes | None:
        languages, sentences = list(record[f"{path}/language"]), record[f"{path}/translation"]
        return sentences[languages.index(code)] if code in languages else None

    return pick


def _texts(features: Any, prefix: str = "") -> tuple[list[str], dict[str, list[str]]]:
    """Paths of text features, and paths of multilingual features with their languages (none if not declared)."""
    texts: list[str] = []
    multilingual: dict[str, list[str]] = {}
    for key, feature in features.items():
        path = f"{prefix}{key}"
        if isinstance(feature, tfds.features.TranslationVariableLanguages):
            multilingual[path] = list(feature.languages or ())
        elif isinstance(feature, tfds.features.FeaturesDict):
            inner, deeper = _texts(feature, f"{path}/")
            texts += inner
            multilingual |= deeper
        elif isinstance(feature, tfds.features.Text):
            texts.append(path)
    return texts, multilingual


def _near(word: str, choices: Sequence[str]) -> str:
    if len(choices) <= FEW:
        return f" There are: {', '.join(choices)}." if choices else ""
    near = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else " See tensorflow.org/datasets/catalog."
