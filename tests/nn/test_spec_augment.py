"""SpecAugment: what is hidden is in runs, differs between examples, and is the same on every device."""

import jax.numpy as jnp
import numpy as np

from xattn.nn.dropout import DropoutKey
from xattn.nn.spec_augment import spec_augment

FRAMES = jnp.ones((64, 29, 13))


def key(rows=range(64), step=0):
    return DropoutKey.for_step(0, jnp.array(step), jnp.array([*rows], jnp.uint32), rate=0.0, attention_rate=0.0)


def test_one_run_of_bands_and_one_of_moments_is_hidden():
    out = np.asarray(spec_augment(FRAMES, key(), masks=1, bands=5, moments=11))
    sizes = []
    for each in out:
        hidden = each == 0
        bands, moments = hidden.all(axis=0), hidden.all(axis=1)
        np.testing.assert_array_equal(hidden, bands[None] | moments[:, None])
        for run, longest in ((bands, 5), (moments, 11)):
            assert np.abs(np.diff(np.pad(run.astype(int), 1))).sum() in (0, 2)  # one run at most
            assert run.sum() <= longest
        sizes.append((int(bands.sum()), int(moments.sum())))
    assert {bands for bands, _ in sizes} == set(range(6))
    assert len({moments for _, moments in sizes}) > 8


def test_it_depends_on_the_step_and_the_number_of_the_example_alone():
    whole = spec_augment(FRAMES, key(), masks=2, bands=5, moments=11)
    part = spec_augment(FRAMES[:7], key(range(20, 27)), masks=2, bands=5, moments=11)
    np.testing.assert_array_equal(part, whole[20:27])
    assert (np.asarray(spec_augment(FRAMES, key(step=1), masks=2, bands=5, moments=11)) != np.asarray(whole)).any()


def test_nothing_is_hidden_without_a_key_or_a_mask():
    assert spec_augment(FRAMES, None, masks=2, bands=5, moments=11) is FRAMES
    assert spec_augment(FRAMES, key(), masks=0, bands=5, moments=11) is FRAMES
