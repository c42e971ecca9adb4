"""Maps of other people's attention: words by the marks of known tokenizers, arrays of any library and shape."""

import numpy as np
import pytest

from xattn.alignment.maps import AttentionMap, Readout
from xattn.alignment.tokens import stack, words_of_tokens

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("tokens", "words", "ids"),
    [
        (["▁He", "llo", "▁wor", "ld", ".", "</s>"], ["Hello", "world."], [0, 0, 1, 1, 1, -1]),
        (["en_XX", "▁a", "▁", "b", "▁c"], ["en_XX", "a", "b", "c"], [0, 1, 2, 2, 3]),
        (["Hello", "Ġworld", "!", "<|endoftext|>"], ["Hello", "world!"], [0, 1, 1, -1]),
        (["Ġå¥½", "ä¸", "ļ"], ["好业"], [0, 0, 0]),
        (["play", "##ing", "foot", "##ball"], ["playing", "football"], [0, 0, 1, 1]),
        (["bro@@", "ther", "is@@", "n't"], ["brother", "isn't"], [0, 0, 1, 1]),
        (["a</w>", "ph", "oto</w>", "of</w>"], ["a", "photo", "of"], [0, 1, 1, 2]),
        (["one", "word", "each"], ["one", "word", "each"], [0, 1, 2]),
        (["<s>", "▁a", "</s>", "b"], ["a", "b"], [-1, 0, -1, 1]),
        ([], [], []),
    ],
)
def test_marks_of_tokenizers(tokens, words, ids):
    assert words_of_tokens(tokens) == (words, ids)


def test_own_special_tokens():
    assert words_of_tokens(["eng_Latn", "▁the"], {"eng_Latn"}) == (["the"], [-1, 0])


def test_arrays_of_every_shape_and_library():
    jnp, weights = pytest.importorskip("jax.numpy"), RNG.random((2, 3, 4, 5), np.float32)
    layers = list(weights)
    steps = [tuple(layer[None, :, t : t + 1] for layer in layers) for t in range(4)]
    for arrays in (weights, layers, tuple(jnp.asarray(each)[None] for each in layers), steps, weights.tolist()):
        np.testing.assert_array_equal(stack(arrays), weights)
    np.testing.assert_array_equal(stack(weights[0]), weights[:1])
    np.testing.assert_array_equal(stack(weights[0, 0]), weights[:1, :1])
    low = stack(jnp.asarray(weights, jnp.bfloat16))
    assert low.dtype == np.float32
    np.testing.assert_allclose(low, weights, rtol=1e-2)


def test_a_tensor_of_torch_with_a_gradient():
    torch = pytest.importorskip("torch")
    weights = RNG.random((2, 3, 4), np.float32)
    tensor = torch.tensor(weights, requires_grad=True)
    np.testing.assert_array_equal(stack((tensor, tensor)), np.stack([weights, weights]))
    assert stack(tensor.to(torch.bfloat16)).dtype == np.float32


def test_padding_is_left_out_and_inputs_are_a_step_earlier():
    weights = RNG.random((1, 2, 4, 5), np.float32)
    source = ["▁the", "▁fo", "x", "</s>", "<pad>"]
    outputs = AttentionMap.of(weights, source, ["▁le", "▁renard", "</s>", "<pad>"])
    # A decoder that begins with padding, as T5 and Marian do: its first token is no padding of ours.
    inputs = AttentionMap.of(weights, source, ["<pad>", "▁le", "▁renard", "<pad>"], inputs=True)
    assert inputs.target == outputs.target == ["▁le", "▁renard", "</s>"]
    np.testing.assert_array_equal(inputs.weights, weights[:, :, :3, :4])
    where = Readout(layer=0, head=1, convention="produced")
    words = outputs.to_words(where)
    assert (words.source, words.target) == (["the", "fox"], ["le", "renard"])
    np.testing.assert_allclose(words.weights[1], [weights[0, 1, 1, 0], weights[0, 1, 1, 1:3].sum()], rtol=1e-6)
    np.testing.assert_allclose(words.special[1], weights[0, 1, 1, 3], rtol=1e-6)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (np.ones(3), r"has the shape \(3,\)"),
        ((np.ones((2, 3, 1, 1)),), r"Take one example of a batch"),
        (np.ones((1, 1, 1, 1, 1)), r"has the shape"),
        ((), "no array"),
        ((np.ones((1, 1)), np.ones((2, 1, 1))), r"All layers must have the shape"),
        (np.ones((2, 1)), "have 2 rows, but there are 1 target tokens"),
        (np.ones((1, 2)), "have 2 columns, but there are 1 source tokens"),
        (-np.ones((1, 1)), "finite and not negative"),
    ],
)
def test_what_does_not_fit_is_said(arrays, message):
    with pytest.raises(ValueError, match=message):
        AttentionMap.of(arrays, ["a"], ["b"])
