"""Does a claim fit a picture? Claims with the same words in another order are false, so a bag of words cannot tell.

Words attend to patches, in the manner of ALBEF (Li et al., 2021). The baseline is a dual encoder (CLIP).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, UInt8

from xattn.alignment.layouts import Grid
from xattn.config import ImageTextMatch
from xattn.data.benchmarks import claims, scenes
from xattn.data.pictures import read_picture
from xattn.data.vocabulary import PAD, WordVocabulary
from xattn.errors import UserError
from xattn.nn.dropout import DropoutKey
from xattn.tasks.array_evaluation import TRAIN
from xattn.tasks.array_task import ArrayBatch, ArrayTask, Outcome
from xattn.tasks.imagetext_model import CrossMatcher, DualEncoder, Matcher
from xattn.training.losses import sum_of

TRUE, COLORS, RELATION, OTHER = range(4)
"""The claims of an example: the true one, its two swaps, and one of another scene."""
RETRIEVED = 64
"""Pictures among which a claim has to find its own."""


class Examples(NamedTuple):
    """Pictures and four texts each; the patches that each word of the true one is about; words that have a decoy."""

    picture: UInt8[np.ndarray, "E h w 3"]
    texts: Int[np.ndarray, "E K T"]
    gold: Bool[np.ndarray, "E T S"]
    decoy: Bool[np.ndarray, "E T"]
    number: Int[np.ndarray, " E"]
    """The number of the example in its split."""
    found: Float[np.ndarray, " E"]
    """The probability that the first text fits, once a model has said it; else -1."""


class ImageTextMatchTask(ArrayTask[ImageTextMatch]):
    """Claims about pictures."""

    headline: ClassVar[str] = "swap_accuracy"
    loss_unit = "pictures"

    @cached_property
    def words(self) -> WordVocabulary:
        """The words of all claims."""
        relations = (word for words in claims.RELATIONS.values() for word in words)
        return WordVocabulary([*scenes.COLORS, *claims.NAMES, *relations])

    @property
    def patches(self) -> int:
        """Patches of a picture, down and across."""
        return self.settings.side // self.settings.patch

    @property
    def positions(self) -> int:
        return self.patches**2 + 4 * claims.LONGEST

    def read(self, split: str) -> Examples:
        settings = self.settings
        size = settings.train_examples if split == TRAIN else settings.held_out_examples
        out = self._empty(size)
        for number in range(size):
            match = self.draw(split, number)
            out.picture[number] = match.scene.picture
            out.number[number] = number
            for place, claim in enumerate(match.claims):
                out.texts[number, place] = self.encode(claim.words)
            patches = scenes.gold(match.scene.cover, settings.patch)
            second = len(match.claims[TRUE].words) - 2
            for start, thing, decoy in zip((0, second), match.about, match.decoys, strict=True):
                out.gold[number, start : start + 2] = patches[thing]
                out.decoy[number, start] = decoy
        return out

    def draw(self, split: str, number: int) -> claims.Match:
        """One scene of a split with its claims."""
        return claims.draw(self.settings.seed, split, number, side=self.settings.side)

    def encode(self, words: Sequence[str]) -> Int[np.ndarray, " T"]:
        """The numbers of a text, filled up with PAD."""
        numbers = self.words.encode(words)
        return np.array(numbers + [PAD] * (claims.LONGEST - len(numbers)), np.int32)

    def read_file(self, path: Path, text: str | None) -> Examples:
        """A picture of the user, with a claim about it."""
        example = '"red square left of blue circle"'
        if text is None:
            raise UserError(f"A claim about {path} is missing: give one after it, such as {example}.")
        words = text.split()
        unknown = [word for word in words if word not in self.words.numbers]
        if unknown or not 0 < len(words) <= claims.LONGEST:
            what = f"{unknown[0]!r} is no word of claims" if unknown else f"{text!r} has {len(words)} words"
            known = ", ".join([*scenes.COLORS, *claims.NAMES, *claims.RELATIONS])
            raise UserError(f"{what}: a claim is two to six words, such as {example}, of {known}, of.")
        out = self._empty(1)
        out.picture[0] = read_picture(path, height=self.settings.side, width=self.settings.side)
        out.texts[0] = self.encode(words)
        return out

    def build(self, rngs: nnx.Rngs) -> Matcher:
        made = {"cross": CrossMatcher, "dual": DualEncoder}[self.settings.matcher]
        return made(self.config.model, self.settings, self.words.size, rngs)

    def forward(
        self, model: Matcher, batch: ArrayBatch, dropout_key: DropoutKey | None, hide: jax.Array | None = None
    ) -> Outcome:
        texts, valid = jnp.asarray(batch.examples.texts), jnp.asarray(batch.valid)
        memory = model.encode(jnp.asarray(batch.examples.picture), valid, dropout_key)
        scores, weights = model.score(memory, texts, dropout_key, hide)
        better = {
            name: jnp.where(scores[:, TRUE] == scores[:, place], 0.5, scores[:, TRUE] > scores[:, place])
            for name, place in {"color_swap": COLORS, "relation_swap": RELATION, "another_claim": OTHER}.items()
        }
        swaps = (better["color_swap"] + better["relation_swap"]) / 2
        sums = {name: sum_of(each, valid) for name, each in {"swap_accuracy": swaps, **better}.items()}
        if isinstance(model, DualEncoder):
            sums["loss"] = self._contrast(model, model.picture(memory), model.text(texts, dropout_key), valid)
        else:
            wrong = [COLORS, RELATION, OTHER] if self.settings.swaps else [OTHER]
            losses = optax.sigmoid_binary_cross_entropy(scores, (jnp.arange(4) == TRUE)[None])
            sums["loss"] = sum_of(losses[:, TRUE] + losses[:, jnp.array(wrong)].mean(axis=1), valid)
        return Outcome(sums, weights, memory.mask)

    def _contrast(self, model: DualEncoder, pictures: Array, texts: Array, valid: Array) -> Any:
        """The contrastive loss of a batch, both ways; with swaps, each picture's false claims are among the texts."""
        scale = jnp.exp(model.scale[...])
        among = texts if self.settings.swaps else texts[:, :1]
        fit_BBK = scale * jnp.einsum("BD,CKD->BCK", pictures, among)
        own = jnp.arange(len(pictures))
        shown = jnp.broadcast_to(valid[None, :, None], fit_BBK.shape)
        to_text = jax.nn.log_softmax(fit_BBK.reshape(len(own), -1), where=shown.reshape(len(own), -1), axis=1)
        to_picture = jax.nn.log_softmax(fit_BBK[..., TRUE].T, where=jnp.broadcast_to(valid, (len(own),) * 2), axis=1)
        losses = -to_text[own, own * among.shape[1]] - to_picture[own, own]
        return sum_of(jnp.where(valid, losses, 0), valid)

    def split_metrics(self, params: Any, split: str) -> Mapping[str, float]:
        """How often a claim finds a picture that it is true of among 64: R@1."""
        rows = min(RETRIEVED, self._count(split))
        hits = total = 0
        for batch in self._in_order(split, rows):
            if not batch.valid.all():
                break
            best = np.asarray(self.retrieve(params, batch))
            for text, picture in enumerate(best.tolist()):
                claim = self.draw(split, int(batch.examples.number[text])).claims[TRUE]
                hits += claim.holds(self.draw(split, int(batch.examples.number[picture])).scene.things)
                total += 1
        return {f"retrieval_of_{rows}": hits / total}

    @cached_property
    def retrieve(self) -> Any:
        """For each true text of a batch, the picture that it fits best."""

        def best(params: Any, batch: ArrayBatch) -> jax.Array:
            model = self.model(params)
            memory = model.encode(jnp.asarray(batch.examples.picture), jnp.asarray(batch.valid))

            def scores(text_T: jax.Array) -> jax.Array:
                every = jnp.broadcast_to(text_T, (len(memory.mask), 1, claims.LONGEST))
                return model.score(memory, every).scores[:, 0]

            return jax.lax.map(scores, jnp.asarray(batch.examples.texts)[:, TRUE]).argmax(axis=1)

        return jax.jit(best)

    @cached_property
    def fit(self) -> Any:
        """The probabilities that the first texts of a batch fit."""

        def probabilities(params: Any, batch: ArrayBatch) -> jax.Array:
            model = self.model(params)
            memory = model.encode(jnp.asarray(batch.examples.picture), jnp.asarray(batch.valid))
            return jax.nn.sigmoid(model.score(memory, jnp.asarray(batch.examples.texts)).scores[:, TRUE])

        return jax.jit(probabilities)

    def with_own_output(self, params: Any, batch: ArrayBatch) -> ArrayBatch:
        return batch._replace(examples=batch.examples._replace(found=np.asarray(self.fit(params, batch))))

    def verdict(self, examples: Examples) -> str:
        """The probability that the claim fits; the cosine of a dual encoder is none."""
        return "" if self.settings.matcher == "dual" else f"fits with probability {float(examples.found):.2f}"

    def gold(self, examples: Examples) -> Bool[np.ndarray, "B T S"] | None:
        """The patches of the object that each colour and shape of the true claim is about; a dual encoder has none."""
        return None if self.settings.matcher == "dual" else np.asarray(examples.gold)

    def groups(self, examples: Examples) -> Mapping[str, Bool[np.ndarray, "B T"]]:
        """Colours, and shapes; and the colours of which there is a decoy."""
        text = np.asarray(examples.texts)[:, TRUE]
        colors, shapes = (np.isin(text, self.words.encode(names)) for names in (list(scenes.COLORS), claims.NAMES))
        return {"color": colors, "shape": shapes, "color with a decoy": np.asarray(examples.decoy)}

    def labels(self, examples: Examples) -> tuple[Sequence[str], Sequence[str]]:
        places = range(1, self.patches + 1)
        text = np.asarray(examples.texts)[TRUE]
        return [f"{row},{column}" for row in places for column in places], [
            self.words.all[number] for number in text[text != PAD]
        ]

    def layout(self, examples: Examples) -> Grid:
        return Grid(rows=self.patches, columns=self.patches, picture=np.asarray(examples.picture))

    def baselines(self, split: str) -> Mapping[str, Mapping[str, float]]:
        """A bag of words, which cannot tell a claim from its swaps."""
        return {"bag of words": {"swap_accuracy": 0.5}}

    def _empty(self, size: int) -> Examples:
        """Examples to be filled in."""
        side, patches = self.settings.side, self.patches**2
        return Examples(
            np.zeros((size, side, side, 3), np.uint8),
            np.full((size, 4, claims.LONGEST), PAD, np.int32),
            np.zeros((size, claims.LONGEST, patches), bool),
            np.zeros((size, claims.LONGEST), bool),
            np.zeros(size, np.int32),
            np.full(size, -1, np.float32),
        )
