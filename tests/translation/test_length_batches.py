"""Batches of sentences of similar length: each sentence once, in few shapes."""

import numpy as np

from xattn.translation.length_batches import by_length, padded_rows

SENTENCES = {number: [5] * length for number, length in enumerate((4, 1, 41, 16, 17, 3, 32, 8, 2))}


def batches(sentences, rows, targets=None):
    return {length: [numbers.tolist() for numbers in each] for length, each in by_length(sentences, rows, targets)}


def test_batches_hold_every_sentence_once():
    some = {number: ids for number, ids in SENTENCES.items() if number != 1}
    assert batches(some, 4) == {16: [[8, 5, 0, 7], [3, -1, -1, -1]], 32: [[4, 6]], 64: [[2]]}


def test_targets_decide_the_order_within_a_length():
    targets = {number: [7] * ((4 * number) % 9) for number in SENTENCES}
    assert batches(SENTENCES, 4, targets) == {16: [[0, 7, 5, 3], [1, 8, -1, -1]], 32: [[6, 4]], 64: [[2]]}


def test_rows_are_padded_and_minus_one_is_all_padding():
    rows = padded_rows({3: [5, 6], 7: [8]}, np.array([7, 3, -1]), 4, 9)
    assert rows.tolist() == [[8, 9, 9, 9], [5, 6, 9, 9], [9, 9, 9, 9]]
