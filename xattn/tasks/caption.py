"""Captions of drawn scenes: every word of a caption attends to the patches of a picture (Xu et al., 2015)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, UInt8

from xattn.alignment.layouts import Grid
from xattn.config import Caption, Model
from xattn.data.benchmarks import scenes
from xattn.data.benchmarks.sprites import SHAPES, SIZES
from xattn.data.pictures import read_picture
from xattn.data.vocabulary import EOS, PAD, WordVocabulary
from xattn.decoding import Step
from xattn.errors import require
from xattn.nn.decoder import CrossDecoder
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoders.patches import PatchEncoder
from xattn.nn.memory import Memory
from xattn.nn.memory_transforms import MemoryTransform
from xattn.nn.writer import Writer
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch
from xattn.tasks.sequence_task import Predicted, SequenceTask, padded, until_end

KINDS = ("size", "color", "shape")
"""What the words of a phrase say, in their order; a comma, or the end, comes after them."""
PHRASE = len(KINDS) + 1


class Examples(NamedTuple):
    """Pictures, their captions as word numbers, and the patches of the object that each word is about."""

    picture: UInt8[np.ndarray, "E h w 3"]
    caption: Int[np.ndarray, "E T"]
    gold: Bool[np.ndarray, "E T S"]


class Captioner(Writer):
    """An encoder of patches, and a decoder that writes words about them."""

    def __init__(self, model: Model, settings: Caption, vocabulary: int, rngs: nnx.Rngs):
        dims = Dimensions.of(model)
        scale = nnx.initializers.normal(dims.width**-0.5)
        self.embedding = nnx.Embed(vocabulary, dims.width, embedding_init=scale, rngs=rngs)
        encoder, side = replace(dims, layers=settings.encoder_layers), settings.side
        self.encoder = PatchEncoder(side, side, settings.patch, encoder, rngs=rngs)
        self.decoder = CrossDecoder(dims, rngs=rngs)
        self.transform = MemoryTransform(model.memory, dims, latents=model.latents, rngs=rngs)

    def encode(
        self, picture: UInt8[Array, "B h w 3"], real: Bool[Array, " B"], dropout_key: DropoutKey | None = None
    ) -> Memory:
        """The memory of the patches, after its transform."""
        memory = self.encoder(picture, real, dropout_key and dropout_key.fold_in(0))
        return self.transform(memory, dropout_key and dropout_key.fold_in(2))

    def __call__(
        self,
        picture: UInt8[Array, "B h w 3"],
        real: Bool[Array, " B"],
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None = None,
        hide: Bool[Array, "B T M"] | None = None,
    ) -> tuple[Float[Array, "B T V"], Float[Array, "L B N T M"], Bool[Array, "B M"]]:
        """Log-probabilities of every next word, the attention weights, and the memory mask."""
        memory = self.encode(picture, real, dropout_key)
        states, weights = self.decode(given, memory, dropout_key, hide)
        return jax.nn.log_softmax(self.logits(states)), weights, memory.mask


class CaptionTask(SequenceTask[Caption]):
    """Captions of scenes.

    The splits are train, validation and test. A name such as `test_3` means scenes of that many objects.
    """

    headline: ClassVar[str] = "exact_match"

    @cached_property
    def words(self) -> WordVocabulary:
        """All words of captions."""
        return WordVocabulary([*SIZES, *scenes.COLORS, *SHAPES[self.settings.shapes], scenes.COMMA])

    @property
    def length(self) -> int:
        """Words of a caption, at most, with EOS (T)."""
        return PHRASE * self.settings.objects[1]

    @property
    def patches(self) -> int:
        """Patches of a picture, down and across."""
        return self.settings.side // self.settings.patch

    @property
    def positions(self) -> int:
        return self.patches**2 + self.length

    def read(self, split: str) -> Examples:
        settings = self.settings
        size = settings.train_examples if split == TRAIN else settings.held_out_examples
        out = self._empty(size)
        for number in range(size):
            scene = scenes.draw(
                settings.seed, split, number, objects=settings.objects, kind=settings.shapes, side=settings.side
            )
            out.picture[number] = scene.picture
            out.caption[number] = padded([*self.words.encode(scene.caption), EOS], self.length)
            patches = scenes.gold(scene.cover, settings.patch)
            for place, seen in enumerate(patches):
                out.gold[number, PHRASE * place : PHRASE * place + len(KINDS)] = seen
        return out

    def read_file(self, path: Path, text: str | None) -> Examples:
        """A picture of the user, without a caption."""
        require(text is None, f"The task {self.settings.kind!r} writes the text itself: leave {text!r} out.")
        out = self._empty(1)
        out.picture[0] = read_picture(path, height=self.settings.side, width=self.settings.side)
        return out

    def build(self, rngs: nnx.Rngs) -> Captioner:
        return Captioner(self.config.model, self.settings, self.words.size, rngs)

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.caption)

    def predict(
        self,
        model: Captioner,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        return Predicted(*model(jnp.asarray(batch.examples.picture), batch.valid, given, dropout_key, hide), {})

    def decode_step(self, model: Captioner, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        memory = model.encode(jnp.asarray(batch.examples.picture), jnp.asarray(batch.valid))
        return model.stepper(memory, 1, length)

    def output_metrics(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        """Exact matches, and the micro F1 of attributes: the words of each phrase, by the number of the phrase."""
        pairs = list(zip(self.spell(examples.caption), self.spell(written), strict=True))
        return {
            "exact_match": (sum(wanted == own for wanted, own in pairs), len(pairs)),
            "attribute_f1": _attributes(pairs),
        }

    def spell(self, captions: Int[np.ndarray, "B T"]) -> list[list[str]]:
        """The words of captions, up to EOS."""
        return [[self.words.all[number] for number in until_end(each).tolist()] for each in captions]

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        about = np.isin(written, [PAD, EOS, self.words.numbers[scenes.COMMA]], invert=True)
        return examples._replace(caption=written, gold=examples.gold & about[..., None])

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The patches of the object that each word is about; commas are about none."""
        return np.asarray(examples.gold)

    def groups(self, examples: Examples) -> Mapping[str, Bool[np.ndarray, "B T"]]:
        """The words for size, colour and shape."""
        places = np.arange(self.length) % PHRASE
        return {name: np.broadcast_to(places == place, examples.caption.shape) for place, name in enumerate(KINDS)}

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        """The row and column of every patch, counted from 1, and the words."""
        places = range(1, self.patches + 1)
        return [f"{row},{column}" for row in places for column in places], self.spell(examples.caption[None])[0]

    def layout(self, examples: Examples) -> Grid:
        return Grid(rows=self.patches, columns=self.patches, picture=np.asarray(examples.picture))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """The commonest caption of the split, and that of the next picture."""
        captions = self.spell(self.examples(split).caption)
        (commonest, _), *_ = Counter(map(tuple, captions)).most_common(1)
        found = {"commonest caption": [list(commonest)] * len(captions), "another caption": captions[1:] + captions[:1]}
        return {
            name: {
                "exact_match": sum(map(list.__eq__, captions, own)) / len(captions),
                "attribute_f1": np.divide(*_attributes(list(zip(captions, own, strict=True)))).item(),
            }
            for name, own in found.items()
        }

    def _empty(self, size: int) -> Examples:
        """Examples to be filled in."""
        side, patches = self.settings.side, self.patches**2
        return Examples(
            np.zeros((size, side, side, 3), np.uint8),
            np.full((size, self.length), PAD, np.int32),
            np.zeros((size, self.length, patches), bool),
        )


def _attributes(pairs: Sequence[tuple[list[str], list[str]]]) -> tuple[int, int]:
    """Twice the number of attributes in both captions, and the number in either: their ratio is the micro F1.

    >>> _attributes([("big red star , small red cross".split(), "big blue star".split())])
    (4, 9)
    """
    said = [tuple(_numbered(words) for words in pair) for pair in pairs]
    return 2 * sum(len(a & b) for a, b in said), sum(len(a) + len(b) for a, b in said)


def _numbered(words: Sequence[str]) -> set[tuple[int, str]]:
    """Each word with the number of its phrase."""
    phrases = " ".join(words).split(scenes.COMMA)
    return {(number, word) for number, phrase in enumerate(phrases) for word in phrase.split()}
