"""Self- against cross-attention: one stack over source and target together, or an encoder and a cross-decoder.

Both have as many parameters. They differ in cost: one computes scores of every position with every other and
caches all layers; the other computes scores of the target with a memory that is encoded once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Int

from xattn.config import Model, SelfCross
from xattn.data.toy import grammar
from xattn.data.vocabulary import EOS, PAD, WordVocabulary
from xattn.decoding import Step
from xattn.errors import ConfigError
from xattn.nn.dimensions import Dimensions
from xattn.nn.dropout import DropoutKey
from xattn.nn.encoder_decoder import EncoderDecoder
from xattn.nn.prefix_lm import PrefixModel
from xattn.tasks.array_task import ArrayBatch
from xattn.tasks.sequence_task import Predicted, SequenceTask, padded, until_end
from xattn.training.losses import sum_of

SPLITS = ("train", "validation", "test", "unseen_pairs")


class Examples(NamedTuple):
    """English and French sentences as word numbers, and the word links of the grammar."""

    source: Int[np.ndarray, "E S"]
    target: Int[np.ndarray, "E T"]
    gold: Bool[np.ndarray, "E T S"]


def equal_mlp(model: Model) -> int:
    """The MLP of the one stack: its 2L layers have together the parameters of L encoder and L decoder layers.

    A decoder layer has 4 D² more, for its cross-attention; two layers whose MLPs are wider by D have these too.
    """
    return model.mlp + model.width


def score_entries(stack: str, layers: int, source: int, target: int) -> int:
    """Entries of the score matrices of one head: an example's S source and T target positions, in all layers."""
    if stack == "self":
        return 2 * layers * (source + target) ** 2
    return layers * (source**2 + target**2 + target * source)


def cached_bytes(stack: str, model: Model, source: int, target: int) -> int:
    """Bytes of the keys and values that are cached while T target words are written, in float32, for one example."""
    layers = {"self": 2 * model.layers, "cross": model.layers}[stack]
    return 4 * 2 * layers * model.width * (source + target)


class SelfCrossTask(SequenceTask[SelfCross]):
    """The toy translation by either stack,."""

    headline: ClassVar[str] = "exact_match"

    @cached_property
    def sentences(self) -> Mapping[str, Sequence[grammar.Example]]:
        """The pairs of every split; no sentence is in two splits."""
        held = self.settings.held_out_examples
        sizes = grammar.Sizes(train=self.settings.train_examples, validation=held, test=held, unseen_pairs=held, long=1)
        return grammar.generate(sizes, seed=self.settings.seed)

    @cached_property
    def words(self) -> WordVocabulary:
        """The vocabulary of both languages: all words of the training split."""
        pairs = self.sentences["train"]
        return WordVocabulary(word for pair in pairs for text in (pair.english, pair.target) for word in text.split())

    @cached_property
    def lengths(self) -> tuple[int, int]:
        """Words of a source (S), and of a target with EOS (T), at most."""
        pairs = [pair for split in SPLITS for pair in self.sentences[split]]
        source, target = (max(len(text.split()) for text in side) for side in zip(*(p[:2] for p in pairs), strict=True))
        return source, target + 1

    @property
    def positions(self) -> int:
        return sum(self.lengths)

    def read(self, split: str) -> Examples:
        if split not in SPLITS:
            raise ConfigError(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")
        return Examples(*map(np.stack, zip(*map(self.encode, self.sentences[split]), strict=True)))

    def encode(self, pair: grammar.Example) -> Examples:
        """A sentence pair as arrays, without their first axis."""
        source, target = self.lengths
        gold = np.zeros((target, source), bool)
        for english, french in pair.possible:
            gold[french, english] = True
        return Examples(
            padded(self.words.encode(pair.english.split()), source),
            padded([*self.words.encode(pair.target.split()), EOS], target),
            gold,
        )

    def build(self, rngs: nnx.Rngs) -> EncoderDecoder | PrefixModel:
        model, vocabulary = self.config.model, self.words.size
        dims = Dimensions.of(model)
        if self.settings.stack == "self":
            stack = replace(dims, layers=2 * model.layers, mlp=equal_mlp(model))
            return PrefixModel(vocabulary=vocabulary, dims=stack, rngs=rngs)
        return EncoderDecoder(vocabulary=vocabulary, dims=dims, memory=model.memory, latents=model.latents, rngs=rngs)

    def targets(self, examples: Examples) -> Int[Array, "B T"]:
        return jnp.asarray(examples.target)

    def predict(
        self,
        model: Any,
        batch: ArrayBatch,
        given: Int[Array, "B T"],
        dropout_key: DropoutKey | None,
        hide: jax.Array | None,
    ) -> Predicted:
        source, target = map(jnp.asarray, (batch.examples.source, batch.examples.target))
        mask = source != PAD
        if isinstance(model, PrefixModel):
            logits, weights, _ = model(source, mask, given, dropout_key, hide)
            share_BT = weights.sum(axis=-1).mean(axis=(0, 2))
            sums = {"mass_on_source": sum_of(share_BT, batch.valid[:, None] & (target != PAD))}
        else:
            memory = model.encode(source, mask, dropout_key)
            states, weights = model.decode(given, memory, dropout_key, hide)
            logits, mask, sums = model.logits(states), memory.mask, {}
        return Predicted(jax.nn.log_softmax(logits), weights, mask, sums)

    def decode_step(self, model: Any, batch: ArrayBatch, length: int) -> tuple[Step, Any]:
        source = jnp.asarray(batch.examples.source)
        mask = source != PAD
        if isinstance(model, PrefixModel):
            return partial(model.step, source_mask=mask), model.start(source, mask, length)
        step, state = model.stepper(model.encode(source, mask), 1, length)
        return lambda ids, position, past: (*step(ids, position, past)[:2], ()), state

    def output_metrics(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Mapping[str, tuple[int, int]]:
        return {"exact_match": (int((written == examples.target).all(axis=-1).sum()), len(written))}

    def with_output(self, examples: Examples, written: Int[np.ndarray, "B T"]) -> Examples:
        return examples._replace(target=written, gold=examples.gold & (written == examples.target)[..., None])

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"]:
        """The English words that each French word is a possible translation of."""
        return np.asarray(examples.gold)

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        source, target = np.asarray(examples.source), until_end(np.asarray(examples.target))
        english, french = ([self.words.all[word] for word in side.tolist()] for side in (source[source != PAD], target))
        return english, french
