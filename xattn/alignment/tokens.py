"""Words from the tokens of anybody's tokenizer, by the marks that the tokens carry; and arrays from any library."""

import re
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
from jaxtyping import Float32

PADDING = frozenset({"<pad>", "[PAD]", "<PAD>"})
_SPECIAL = re.compile(
    r"<\|.*\|>|</?s>|<(bos|eos|cls|sep|mask|BOS|EOS)>|\[(CLS|SEP|BOS|EOS|MASK)\]|<(extra_id|unused)_?\d+>"
)
_SPACE, _BYTE_SPACE = "\N{LOWER ONE EIGHTH BLOCK}", "\N{LATIN CAPITAL LETTER G WITH DOT ABOVE}"
# Byte-level BPE writes printable bytes as themselves, and the n-th other byte as character 256 + n.
_PRINTABLE = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_BYTES = {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + n): byte for n, byte in enumerate(_OTHERS)}


def words_of_tokens(tokens: Sequence[str], special: Set[str] = frozenset()) -> tuple[list[str], list[int]]:
    """The words of tokens, and for each token the index of its word, or -1 where it belongs to none.

    The marks of SentencePiece (`▁` begins a word), byte-level BPE (`Ġ` begins one, and letters stand for bytes),
    WordPiece (`##` goes on), subword-nmt (`@@` is followed by the rest) and CLIP (`</w>` ends a word) are known.
    Without marks each token is a word. Common special tokens, padding and those in `special` belong to no word.

    >>> words_of_tokens(["[CLS]", "un", "##aware", "dog", "[SEP]"])
    (['unaware', 'dog'], [-1, 0, 0, 1, -1])
    >>> words_of_tokens(["▁l", "'", "été", "▁", "?", "</s>", "<pad>"])
    (["l'été", '?'], [0, 0, 0, 1, 1, -1, -1])
    >>> words_of_tokens(["I", "Ġcaf", "Ã©", "<|endoftext|>"])
    (['I', 'café'], [0, 1, 1, -1])
    """
    known = [token in special or token in PADDING or bool(_SPECIAL.fullmatch(token)) for token in tokens]
    plain = [token for token, out in zip(tokens, known, strict=True) if not out]
    parts: list[list[str]] = []
    ids, goes_on = [], False
    byte_level = any(token.startswith(_BYTE_SPACE) for token in plain) and not any(_SPACE in token for token in plain)
    style = _style(plain, byte_level)
    for token, out in zip(tokens, known, strict=True):
        if out:
            ids.append(-1)
            goes_on = False
            continue
        begins, text, follows = style(token)
        # A word that was cut by a special token begins anew, whatever its token says.
        if not parts or (begins and not goes_on) or (ids and ids[-1] == -1):
            parts.append([])
        parts[-1].append(text)
        ids.append(len(parts) - 1)
        goes_on = follows
    words = ["".join(each) for each in parts]
    return [_from_bytes(word) if byte_level else word for word in words], ids


def stack(arrays: Any) -> Float32[np.ndarray, "L N T S"]:
    """Attention of NumPy, JAX or torch arrays as [layers, heads, T, S].

    Takes one array [T, S], [heads, T, S] or [layers, heads, T, S]; a sequence with an array a layer, each [T, S],
    [heads, T, S] or [1, heads, T, S]; or a sequence of such sequences with one row each, as generation returns them
    step by step. Raises a ValueError for other shapes.
    """
    if isinstance(arrays, (tuple, list)):
        if not arrays:
            raise ValueError("There is no array: give one for each layer.")
        if isinstance(arrays[0], (tuple, list)) and hasattr(arrays[0][0], "ndim"):
            return np.concatenate([stack(step) for step in arrays], axis=2)
        if getattr(arrays[0], "ndim", 0) > 1:
            layers = [_layer(_plain(each), f"The array of layer {number}") for number, each in enumerate(arrays)]
            if shapes := {each.shape for each in layers} - {layers[0].shape}:
                raise ValueError(f"All layers must have the shape of the first, {layers[0].shape}, not {min(shapes)}.")
            return np.stack(layers)
    array = _plain(arrays)
    if array.ndim == 4:
        return array
    return _layer(array, "The array")[None]


def _layer(array: np.ndarray, name: str) -> np.ndarray:
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3:
        raise ValueError(
            f"{name} has the shape {array.shape}: [heads, T, S], [T, S] or [1, heads, T, S] is right. Take one example "
            "of a batch."
        )
    return array


def _plain(array: Any) -> Float32[np.ndarray, "..."]:
    if hasattr(array, "detach"):  # torch: off the graph and the device, and out of types that NumPy lacks
        array = array.detach().cpu().float().numpy()
    return np.asarray(array, np.float32)


def _style(tokens: Sequence[str], byte_level: bool) -> Any:
    """A function of a token: whether it begins a word, its text, and whether the word goes on in the next token."""
    if any(token.startswith(_SPACE) for token in tokens):
        return lambda token: (token.startswith(_SPACE), token.replace(_SPACE, ""), token == _SPACE)
    if byte_level:
        return lambda token: (token.startswith(_BYTE_SPACE), token.removeprefix(_BYTE_SPACE), token == _BYTE_SPACE)
    if any(token.startswith("##") for token in tokens):
        return lambda token: (not token.startswith("##"), token.removeprefix("##"), False)
    if any(token.endswith("@@") for token in tokens):
        return lambda token: (True, token.removesuffix("@@"), token.endswith("@@"))
    if any(token.endswith("</w>") for token in tokens):
        return lambda token: (True, token.removesuffix("</w>"), not token.endswith("</w>"))
    return lambda token: (True, token, False)


def _from_bytes(word: str) -> str:
    """A word of byte-level BPE as text; as it is where it has other characters."""
    if all(character in _BYTES for character in word):
        return bytes(_BYTES[character] for character in word).decode("utf-8", errors="replace")
    return word
