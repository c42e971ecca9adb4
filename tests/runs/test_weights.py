"""Parameters in few bits: what comes back is near to what was written, by as much as the bits allow."""

import numpy as np
import pytest

from xattn.runs.weights import read_weights, write_weights


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    sizes = np.array([[1e-3], [1.0], [40.0], [0.0]])  # rows of unlike sizes, and one of zeros
    return {
        "a.kernel": (sizes * rng.normal(size=(4, 30))).astype(np.float32),
        "b.kernel": rng.normal(size=(2, 3, 5)).astype(np.float32),
        "c.bias": rng.normal(size=7).astype(np.float32),
    }


def test_eight_bits_are_wrong_by_half_a_step_of_the_row_at_most(arrays, tmp_path):
    write_weights(tmp_path / "w.npz", arrays, "int8")
    found = read_weights(tmp_path / "w.npz")
    assert found.keys() == arrays.keys()
    for name in ("a.kernel", "b.kernel"):
        half = np.abs(arrays[name]).max(axis=-1, keepdims=True) / 127 / 2
        assert found[name].dtype == np.float32
        assert (np.abs(found[name] - arrays[name]) <= half * (1 + 1e-5)).all()
        assert not np.array_equal(found[name], arrays[name])
    np.testing.assert_array_equal(found["c.bias"], arrays["c.bias"].astype(np.float16))


def test_half_precision_is_that_of_numpy(arrays, tmp_path):
    write_weights(tmp_path / "w.npz", arrays, "float16")
    for name, found in read_weights(tmp_path / "w.npz").items():
        np.testing.assert_array_equal(found, arrays[name].astype(np.float16).astype(np.float32))


def test_a_matrix_takes_a_quarter_of_its_float32_bytes(tmp_path):
    matrix = np.random.default_rng(1).uniform(-1, 1, size=(400, 160)).astype(np.float32)
    write_weights(tmp_path / "w.npz", {"kernel": matrix}, "int8")
    assert (tmp_path / "w.npz").stat().st_size < 0.28 * matrix.nbytes
