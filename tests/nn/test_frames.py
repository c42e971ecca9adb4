"""Sound to memory: the front end against its definition in float64, and padding that changes nothing."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from scipy import signal

from xattn.nn.dimensions import Dimensions
from xattn.nn.encoders.frames import FrameEncoder
from xattn.nn.log_mel import BANDS, HOP, WINDOW, log_mel, normalized, triangles

DIMS = Dimensions(width=12, heads=2, mlp=17, layers=1)


def test_log_mel_is_its_definition():
    """By sums over sines, with triangles by interpolation, all in float64."""
    sound = np.random.default_rng(0).integers(-20_000, 20_000, (2, 7 * HOP), dtype=np.int16)
    padded = np.pad(sound / 32_768.0, ((0, 0), (60, 60)))
    window = signal.get_window("hann", WINDOW)
    angles = 2 * np.pi * np.outer(np.arange(129), np.arange(WINDOW)) / 256
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), BANDS + 2) / 2595) - 1)
    bins = np.arange(129) * 8000 / 256
    expected = np.zeros((2, 7, BANDS))
    for row, frame in np.ndindex(2, 7):
        cut = padded[row, frame * HOP : frame * HOP + WINDOW] * window
        power = (np.cos(angles) @ cut) ** 2 + (np.sin(angles) @ cut) ** 2
        for band in range(BANDS):
            weights = np.interp(bins, corners[band : band + 3], [0, 1, 0])
            expected[row, frame, band] = np.log(max(weights @ power, 1e-9))
    np.testing.assert_allclose(log_mel(jnp.asarray(sound)), expected, rtol=2e-5, atol=2e-5)


def test_the_spectrum_is_that_of_scipy():
    sound = np.random.default_rng(1).integers(-9_000, 9_000, 23 * HOP, dtype=np.int16)
    stft = signal.ShortTimeFFT(signal.get_window("hann", WINDOW), HOP, 8000, mfft=256, phase_shift=None)
    padded = np.pad(sound / 32_768.0, 60)
    power = np.abs(stft.stft(padded, p0=2, p1=20)) ** 2  # slice p is centred on sample 80 p
    energies = np.log(np.maximum(power.T @ triangles(), 1e-9))
    # Frame k is centred on sample 80 k + 40 of the sound, that is 80 k + 100 with padding: 20 later than slice k + 1.
    shifted = np.abs(stft.stft(padded[20:], p0=2, p1=20)) ** 2
    np.testing.assert_allclose(
        log_mel(jnp.asarray(sound[None]))[0, 1:19], np.log(np.maximum(shifted.T @ triangles(), 1e-9)), rtol=1e-4
    )
    assert not np.allclose(energies, np.log(np.maximum(shifted.T @ triangles(), 1e-9)), rtol=1e-2)


def test_a_tone_is_in_the_band_around_it():
    times = np.arange(8000) / 8000
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), BANDS + 2) / 2595) - 1)
    for band in (5, 17, 31):
        tone = (9_000 * np.sin(2 * np.pi * corners[band + 1] * times)).astype(np.int16)
        assert (np.asarray(log_mel(jnp.asarray(tone[None])))[0, 5:-5].argmax(axis=-1) == band).all()


def test_normalized_frames_have_mean_0_and_variance_1_where_they_are_real():
    frames = np.random.default_rng(2).normal(3, 7, (2, 11, 5)).astype(np.float32)
    real = np.arange(11) < np.array([[11], [6]])
    out = np.asarray(normalized(jnp.asarray(frames), jnp.asarray(real)))
    for row, count in enumerate((11, 6)):
        np.testing.assert_allclose(out[row, :count].mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(out[row, :count].std(axis=0), 1, atol=1e-4)
        assert not out[row, count:].any()


def test_padding_is_never_read():
    module = FrameEncoder(5, DIMS, rngs=nnx.Rngs(0))
    encoder = jax.jit(lambda frames, real: module(frames, real))
    frames = np.random.default_rng(3).normal(size=(1, 24, 5)).astype(np.float32)
    real = np.arange(24)[None] < 13
    padded = encoder(jnp.asarray(frames), jnp.asarray(real))
    assert padded.mask[0].tolist() == [True] * 4 + [False] * 2  # 13 frames are 3 positions, and a part of another
    spoiled = encoder(jnp.asarray(np.where(real[..., None], frames, np.nan)), jnp.asarray(real))
    np.testing.assert_array_equal(spoiled.tokens[:, :4], padded.tokens[:, :4])
    short = encoder(jnp.asarray(frames[:, :16]), jnp.asarray(real[:, :16]))
    np.testing.assert_allclose(short.tokens, padded.tokens[:, :4], atol=1e-5)


def test_a_position_reads_the_frames_around_its_own_four():
    """Without self-attention, position p depends on frames 4p - 3 to 4p + 6, whose middle is that of 4p to 4p + 3."""
    module = FrameEncoder(5, replace(DIMS, layers=0), rngs=nnx.Rngs(0))
    encoder = jax.jit(lambda frames, real: module(frames, real))
    frames = np.random.default_rng(4).normal(size=(1, 40, 5)).astype(np.float32)
    real = np.ones((1, 40), bool)
    before = np.asarray(encoder(jnp.asarray(frames), jnp.asarray(real)).tokens)
    reading = []
    for frame in range(40):
        changed = frames.copy()
        changed[0, frame] = 50.0
        after = np.asarray(encoder(jnp.asarray(changed), jnp.asarray(real)).tokens)
        reading += [frame] * bool(np.abs(after - before)[0, 5].max() > 1e-6)
    assert set(reading) <= set(range(17, 27))
    assert (min(reading), max(reading)) == (17, 26)
