"""The project's founding numeric example: two graphs of three nodes, identity projections, d = 2."""

import jax.numpy as jnp
import numpy as np
import pytest

from xattn.attention import attention_weights, cross_attention

A = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
B = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def heads(x):
    return jnp.asarray(x, jnp.float32)[:, None, :]


# What the document prints, to the digits it prints.
PRINTED_WEIGHTS = [[0.14, 0.284, 0.575], [0.05, 0.102, 0.848], [0.0137, 0.0278, 0.9585]]
PRINTED_OUTPUTS = [[0.715, 0.859], [0.898, 0.950], [0.972, 0.986]]

# The same with more digits: row 1 is exp([1, 2, 3] / sqrt 2) = [2.028115, 4.113250, 8.342145] over its sum.
EXACT_WEIGHTS = [
    [0.1400292450, 0.2839954097, 0.5759753452],
    [0.0501329937, 0.1016754755, 0.8481915308],
    [0.0137704073, 0.0279279693, 0.9583016235],
]
EXACT_OUTPUTS = [
    [0.7160045903, 0.8599707550],
    [0.8983245245, 0.9498670063],
    [0.9720720307, 0.9862295927],
]
# From B to A; nodes 1 and 2 of B have scores that differ by a constant, so equal weights.
EXACT_REVERSE_WEIGHTS = [
    [0.0453883629, 0.1866937009, 0.7679179361],
    [0.0453883629, 0.1866937009, 0.7679179361],
    [0.0032876828, 0.0556237428, 0.9410885744],
]
EXACT_REVERSE_OUTPUTS = [
    [4.4450591464, 5.4450591464],
    [4.4450591464, 5.4450591464],
    [4.8756017831, 5.8756017831],
]


def test_a_to_b_is_what_the_document_prints():
    weights = attention_weights(heads(A), heads(B))[0]
    out = cross_attention(heads(A), heads(B), heads(B))[:, 0]
    np.testing.assert_allclose(weights, PRINTED_WEIGHTS, atol=1.5e-3)
    np.testing.assert_allclose(out, PRINTED_OUTPUTS, atol=1.5e-3)


def test_first_row_of_scores_is_what_the_document_prints():
    scores = np.log(attention_weights(heads(A), heads(B))[0, 0])
    np.testing.assert_allclose(np.diff(scores), np.diff([0.7071, 1.4142, 2.1213]), atol=1.5e-3)


@pytest.mark.parametrize(
    ("queries", "memory", "weights", "outputs"),
    [(A, B, EXACT_WEIGHTS, EXACT_OUTPUTS), (B, A, EXACT_REVERSE_WEIGHTS, EXACT_REVERSE_OUTPUTS)],
)
def test_both_directions_are_exact(queries, memory, weights, outputs):
    q, k = heads(queries), heads(memory)
    np.testing.assert_allclose(attention_weights(q, k)[0], weights, rtol=0, atol=1e-6)
    np.testing.assert_allclose(cross_attention(q, k, k)[:, 0], outputs, rtol=0, atol=1e-6)
