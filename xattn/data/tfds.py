"""Sentence pairs from any data set of TensorFlow Datasets, downloaded and prepared once; without TensorFlow.

Importing tensorflow_datasets takes a second, so this module is imported where needed.
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
# So many names are all shown in an error; of more, the nearest.
FEW = 12

Record = Mapping[str, Any]
"""The features of a record, by path (`translations/language`): lists of bytes or numbers."""


def read(name: str, split: str, *, source: str, target: str, folder: Path, bad: BadLines) -> Iterator[Pair]:
    """The pairs of a split of a data set, such as `wmt14_translate/fr-en`.

    `split` may be an expression of TFDS, such as `train[:2%]`. `source` and `target` are text features, or
    languages of a feature that holds a sentence in several. Records that lack one of the two are left out.
    """
    builder = prepare(name, folder)
    languages = [_language(builder.info.features, name, side) for side in (source, target)]
    for number, record in enumerate(records(builder, split, f"tfds:{name}"), 1):
        place = f"tfds:{name}, {split}, record {number}"
        raw = [get(record) for get in languages]
        if raw[0] is None or raw[1] is None:
            bad.left_out(place, f"there is no sentence in {source if raw[0] is None else target!s}")
            continue
        first = bad.decode(raw[0], place, "mend the data set")
        second = None if first is None else bad.decode(raw[1], place, "mend the data set")
        if first is not None and second is not None:
            yield Pair(first, second)


def prepare(name: str, folder: Path) -> Any:
    """The builder of a data set, which is downloaded into the folder unless it is there."""
    base, _, config = name.partition("/")
    base, config = base.partition(":")[0], config.partition(":")[0]
    names = tfds.list_builders(with_community_datasets=False)
    if base not in names:
        raise DataError(f"TFDS {tfds.__version__} has no data set {base!r}.{_near(base, names)}")
    configs = list(tfds.builder_cls(base).builder_configs)
    if config not in configs and (config or len(configs) > 1):
        said = f"has no config {config!r}" if config else f"has several configs: say which, such as {base}/{configs[0]}"
        raise DataError(f"tfds:{base} {said}.{_near(config, configs)}")
    try:
        builder = tfds.builder(name, data_dir=folder)
        builder.download_and_prepare(file_format="array_record")
    except Exception as error:  # a builder is anybody's code, and may raise anything
        raise DataError(
            f"tfds:{name} cannot be downloaded and prepared in {folder}: {type(error).__name__}: {error}"
        ) from error
    return builder


def records(builder: Any, split: str, name: str) -> Iterator[Record]:
    """The records of a split, as they lie in the files.

    They are tf.train.Example messages, which are taken apart here because the general decoder of
    tensorflow_datasets needs 150 µs for one, and this needs 30.
    """
    there = list(builder.info.splits)
    for part in split.split("+"):
        if (base := part.partition("[")[0].strip()) not in there:
            raise DataError(
                f"{name} has no split {base!r}; it has {', '.join(there)}. --data.train, --data.validation and"
                f" --data.test name the splits, or parts of them, such as '{there[0]}[:2%]'."
            )
    try:
        source = builder.as_data_source(split).data_source
    except ValueError as error:
        raise DataError(f"{name} cannot be split by {split!r}: {error}") from error
    for first in range(0, len(source), CHUNK):
        for record in source.__getitems__(range(first, min(first + CHUNK, len(source)))):
            feature = tf_example_pb2.Example.FromString(record).features.feature  # pyright: ignore[reportAttributeAccessIssue]
            yield {path: getattr(each, each.WhichOneof("kind")).value for path, each in feature.items()}


def _language(features: Any, name: str, language: str) -> Callable[[Record], bytes | None]:
    """How a record is asked for its sentence in a language (or for a text feature of that name)."""
    texts, several = _texts(features)
    found = [path for path in texts if path == language or path.endswith(f"/{language}")]
    if len(found) > 1 and language not in found:
        raise DataError(f"tfds:{name} has several features {language!r}: write {' or '.join(found)}.")
    if found:
        path = language if language in found else found[0]
        return lambda record: record[path][0]
    open_ended = [path for path, languages in several.items() if not languages or language in languages]
    if not open_ended:
        choices = [*texts, *(language for languages in several.values() for language in languages)]
        raise DataError(f"tfds:{name} has no text feature {language!r}.{_near(language, sorted(choices))}")
    path, wanted = open_ended[0], language.encode()

    def pick(record: Record) -> bytes | None:
        languages, sentences = list(record[f"{path}/language"]), record[f"{path}/translation"]
        return sentences[languages.index(wanted)] if wanted in languages else None

    return pick


def _texts(features: Any, prefix: str = "") -> tuple[list[str], dict[str, list[str]]]:
    """Paths of text features; and paths of features in several languages, each with what those are, if it says."""
    texts: list[str] = []
    several: dict[str, list[str]] = {}
    for key, feature in features.items():
        path = f"{prefix}{key}"
        if isinstance(feature, tfds.features.TranslationVariableLanguages):
            several[path] = list(feature.languages or ())
        elif isinstance(feature, tfds.features.FeaturesDict):
            inner, deeper = _texts(feature, f"{path}/")
            texts += inner
            several |= deeper
        elif isinstance(feature, tfds.features.Text):
            texts.append(path)
    return texts, several


def _near(word: str, choices: Sequence[str]) -> str:
    if len(choices) <= FEW:
        return f" There are: {', '.join(choices)}." if choices else ""
    near = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else " See tensorflow.org/datasets/catalog."
