"""Two facts, one after the other: by hand, and against counting by plain loops."""

import numpy as np
import pytest

from xattn.alignment.hops import follow


def test_hops_by_plain_loops():
    layers, batch, heads, slots = 3, 7, 2, 5
    rng = np.random.default_rng(0)
    weights = rng.random((layers, batch, heads, slots))
    seen = np.arange(slots) >= rng.integers(0, 3, batch)[:, None]
    weights = np.where(seen[:, None], weights, 0)
    facts = np.stack([rng.permutation([2, 3, 4])[:2] for _ in range(batch)])
    facts[3, 1] = -1  # has one fact, and counts nowhere
    found = follow(weights, facts, seen)
    assert found.questions == batch - 1
    counted = [b for b in range(batch) if b != 3]
    assert found.chance == pytest.approx(sum(1 / seen[b].sum() ** 2 for b in counted))

    def looks(place, b):
        layer, head = divmod(place, heads + 1)
        row = weights[layer, b].mean(axis=0) if head == heads else weights[layer, b, head]
        return max(range(slots), key=lambda slot: row[slot])

    places = range(layers * (heads + 1))
    both = [[sum((looks(p, b), looks(q, b)) == tuple(facts[b]) for b in counted) for q in places] for p in places]
    np.testing.assert_array_equal(found.both, both)
    assert [found.place(p) for p in (0, 2, 4, 8)] == [(0, 0), (0, "mean"), (1, 1), (2, "mean")]
    parts = [follow(weights[:, some], facts[some], seen[some]) for some in ([0, 1, 2], [3, 4, 5, 6])]
    np.testing.assert_array_equal((parts[0] + parts[1]).both, both)
    for contrary in (False, True):
        first, second = found.best(contrary=contrary)
        in_order = [(p, q) if not contrary else (q, p) for p in places for q in places if p // 3 < q // 3]
        assert (first, second) in in_order
        assert found.both[first, second] == max(both[p][q] for p, q in in_order)


def test_order_is_told_from_the_contrary_order():
    """The first layer points to slot 2 and the second to slot 0: in order for facts (2, 0), contrary for (0, 2)."""
    weights = np.eye(3)[[2, 0]][:, None, None]
    for facts, order, contrary in (([[2, 0]], 1.0, 0.0), ([[0, 2]], 0.0, 1.0)):
        found = follow(weights, np.array(facts), np.ones((1, 3), bool))
        assert found.share(found.best()) == order
        assert found.share(found.best(contrary=True)) == contrary
