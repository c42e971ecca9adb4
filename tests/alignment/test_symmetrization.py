"""Two directions into one: by hand, and against a plain version over matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xattn.alignment.links import Links, argmax
from xattn.alignment.symmetrization import agreement, combine, same_direction, symmetrize

S, T = 7, 5
METHODS = ["intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"]
links = st.frozensets(st.tuples(st.integers(0, S - 1), st.integers(0, T - 1)), max_size=14)


def joined(forward, reverse, method, test="and"):
    return set(symmetrize(Links.of(forward), Links.of(reverse), method, test=test).sure)


def test_growing_needs_both_words_free_or_one():
    """(0,1) touches (0,0), and of its words only target 1 is free; (1,1) touches it too, and both its words are."""
    forward, reverse = {(0, 0), (1, 1)}, {(0, 0), (0, 1)}
    assert joined(forward, reverse, "intersection") == {(0, 0)}
    assert joined(forward, reverse, "union") == {(0, 0), (0, 1), (1, 1)}
    assert joined(forward, reverse, "grow-diag") == {(0, 0), (1, 1)}
    assert joined(forward, reverse, "grow-diag", "or") == {(0, 0), (0, 1), (1, 1)}


def test_growing_goes_on_from_what_was_added():
    """Each link touches the one before by a corner; (4,4) lies apart from them."""
    forward, reverse = {(0, 0), (1, 1), (2, 2)}, {(0, 0), (4, 4)}
    for test in ("and", "or"):
        assert joined(forward, reverse, "grow-diag", test) == {(0, 0), (1, 1), (2, 2)}
        assert joined(forward, reverse, "grow-diag-final", test) == {(0, 0), (1, 1), (2, 2), (4, 4)}


def test_final_adds_links_that_lie_apart():
    """No link touches (0,0). (3,3) has two free words; once it is there, (3,1) and (2,3) have one each."""
    forward, reverse = {(0, 0), (3, 3)}, {(0, 0), (3, 1), (2, 3)}
    for test in ("and", "or"):
        assert joined(forward, reverse, "grow-diag", test) == {(0, 0)}
        assert joined(forward, reverse, "grow-diag-final-and", test) == {(0, 0), (3, 3)}
    assert joined(forward, reverse, "grow-diag-final") == {(0, 0), (3, 3)}
    assert joined(forward, reverse, "grow-diag-final", "or") == {(0, 0), (3, 3), (3, 1), (2, 3)}


def plain(forward, reverse, method, test):
    """The published procedure, over boolean matrices: every cell asks anew which rows and columns are covered."""
    ahead, back = np.zeros((S, T), bool), np.zeros((S, T), bool)
    for matrix, pairs in ((ahead, forward), (back, reverse)):
        for s, t in pairs:
            matrix[s, t] = True
    union, a = ahead | back, ahead & back
    if method in ("intersection", "union"):
        return a if method == "intersection" else union

    def free(s, t, test):
        rows, columns = a.any(axis=1)[s], a.any(axis=0)[t]
        return not rows and not columns if test == "and" else not (rows and columns)

    changed = True
    while changed:
        before = a.copy()
        for s in range(S):
            for t in range(T):
                for ds, dt in ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, 0), (1, -1), (1, 1)):
                    u, v = s + ds, t + dt
                    if a[s, t] and 0 <= u < S and 0 <= v < T and union[u, v] and free(u, v, test):
                        a[u, v] = True
        changed = (a != before).any()
    if method != "grow-diag":
        for matrix in (ahead, back):
            for s in range(S):
                for t in range(T):
                    if matrix[s, t] and free(s, t, test if method == "grow-diag-final" else "and"):
                        a[s, t] = True
    return a


@settings(max_examples=50)
@given(links, links, st.sampled_from(METHODS), st.sampled_from(["and", "or"]))
def test_it_is_the_plain_procedure(forward, reverse, method, test):
    expected = {(int(s), int(t)) for s, t in np.argwhere(plain(forward, reverse, method, test))}
    found = joined(forward, reverse, method, test)
    assert found == expected
    assert forward & reverse <= found <= forward | reverse


def test_the_order_of_a_reverse_file_is_found_out():
    forward = [Links.of([(0, 1), (1, 2)]), Links.of([(2, 0)])]
    turned = [links.turned for links in forward]
    assert (agreement(forward, forward), agreement(forward, turned), agreement(turned, turned)) == (3, 0, 3)


def test_two_alignments_of_one_direction_are_told():
    forward, reverse = [Links.of([(0, 0), (0, 1)]), Links.of([])], [Links.of([(0, 0)]), Links.of([(0, 2), (1, 2)])]
    assert not same_direction(forward, reverse)
    assert same_direction(forward, [links.turned for links in reverse])
    one_to_one = [Links.of([(0, 0)]), Links.of([(1, 0)])]
    assert not same_direction(forward, one_to_one)
    assert not same_direction(one_to_one, one_to_one[::-1])
    assert same_direction(one_to_one, one_to_one)


def test_soft_matrices_are_joined_where_both_are_strong():
    rng = np.random.default_rng(0)
    forward, reverse = rng.random((T, S)).astype(np.float32), rng.random((S, T)).astype(np.float32)
    forward[:, 2] = reverse[2] = 0
    product, harmonic = (combine(forward, reverse, how) for how in ("product", "harmonic"))
    for t in range(T):
        for s in range(S):
            a, b = float(forward[t, s]), float(reverse[s, t])
            assert product[t, s] == pytest.approx(a * b)
            assert harmonic[t, s] == pytest.approx(2 / (1 / a + 1 / b) if a and b else 0)
    assert argmax(harmonic).shape == (T, S)
    with pytest.raises(ValueError, match="7 source and 5 target words forward, 5 and 7 in reverse"):
        combine(forward, forward, "product")
