"""Peaks of attention at a layer and head."""

import numpy as np

from xattn.alignment.maps import Readout
from xattn.alignment.peaks import peaks


def test_peaks_are_those_of_the_layer_and_the_head_or_of_their_mean():
    weights = np.zeros((2, 1, 3, 2, 7), np.float32)
    weights[1, 0, :, 0, 5], weights[1, 0, 2, 0, 4] = (0.3, 0.4, 0.0), 0.9
    weights[1, 0, :, 1, 6] = 1
    for head, first in ((0, 5), (2, 4), ("mean", 4)):
        assert peaks(weights, Readout(layer=1, head=head, convention="produced")).tolist() == [[first, 6]]
    assert peaks(weights, Readout(layer=0, head=0, convention="produced")).tolist() == [[0, 0]]
