"""Drawn scenes: what the caption says is what is drawn, and no scene is in two splits."""

import hashlib

import numpy as np
import pytest

from xattn.data.benchmarks import scenes, sprites
from xattn.data.benchmarks.scenes import Thing
from xattn.errors import ConfigError, UserError


def draw(split, number, kind="shapes", side=32, seed=0):
    return scenes.draw(seed, split, number, objects=(1, 4), kind=kind, side=side)


def test_a_scene_is_what_its_caption_says():
    for number in range(200):
        scene = draw("train", number)
        assert 1 <= len(scene.things) <= 4
        cells = [thing.cell for thing in scene.things]
        assert cells == sorted(set(cells))
        assert (scene.cover.sum(axis=0) <= 1).all()
        for thing, cover in zip(scene.things, scene.cover, strict=True):
            inside = scene.picture[cover == 1].astype(int)
            assert (
                np.abs(inside - scenes.COLORS[thing.color]).max(initial=0) <= 17
            )  # a small star covers no pixel whole
            row, column = (int(np.average(np.arange(32), weights=cover.sum(axis=axis)) * 3 // 32) for axis in (1, 0))
            assert 3 * row + column == thing.cell
            extent = np.ptp(np.flatnonzero(cover.any(axis=1))) + 1
            assert (extent > 8) == (thing.size == "big")
        background = scene.picture[(scene.cover == 0).all(axis=0)]
        assert len(np.unique(background)) == 1


def test_the_same_arguments_give_the_same_scene_and_others_another():
    first = draw("test", 3)
    assert draw("test", 3).things == first.things
    np.testing.assert_array_equal(draw("test", 3).picture, first.picture)
    for other in (draw("test", 4), draw("validation", 3), draw("test", 3, seed=1)):
        assert not np.array_equal(other.picture, first.picture)


def test_no_scene_is_in_two_splits():
    """Two-object scenes are few enough to repeat: within a split they do, between splits they must not."""
    found = {part: {draw(f"{part}_2", n).things for n in range(600)} for part in ("train", "validation", "test")}
    assert len(found["test"]) < 600
    for one, other in [("train", "validation"), ("train", "test"), ("validation", "test")]:
        assert not found[one] & found[other]


def test_a_split_may_name_the_number_of_objects():
    assert {len(draw("test_3", number).things) for number in range(20)} == {3}
    for name in ("test_5", "test_", "tests", "test_03"):
        with pytest.raises(ConfigError, match=f"no split '{name}': there are train, validation, test, and of each the"):
            draw(name, 0)


def test_gold_are_the_patches_that_are_covered_by_a_quarter():
    cover = np.zeros((2, 4, 6), np.float32)
    cover[0, :2, :3] = 1  # all of the first patch, half of the second
    cover[0, 2, 0] = 0.9  # a little less than a quarter
    cover[1, 3, 5] = 0.5  # too little anywhere: the most covered patch
    np.testing.assert_array_equal(scenes.gold(cover, 2), [[1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]])


def test_shapes_have_the_areas_of_geometry():
    """Areas within three per cent of the formulas, for a large radius."""
    radius = 40.0
    corner = 0.42 * np.sin(np.pi / 5)  # of a star: ten triangles with a side of length 1
    for shape, area in {
        "circle": np.pi,
        "square": (2 * 0.88) ** 2,
        "triangle": 1.9**2 / 2,
        "cross": 4 * 2 * 0.3 - (2 * 0.3) ** 2,
        "star": 10 * corner / 2,
    }.items():
        drawn = sprites._shape(shape, radius)
        assert drawn.sum() / radius**2 == pytest.approx(area, rel=0.03), shape
        np.testing.assert_allclose(drawn, drawn[:, ::-1], atol=1e-6)  # all are symmetric


def test_the_test_split_is_the_one_that_was_scored():
    """The digest of the first twenty pictures: other pictures would be another benchmark."""
    pictures = np.stack([draw("test", number).picture for number in range(20)])
    assert hashlib.sha256(pictures.tobytes()).hexdigest()[:16] == "cfae5697758997dc"


def test_handwritten_digits_are_disjoint():
    load = pytest.importorskip("sklearn.datasets").load_digits()
    found = sprites._digits()
    by_part = {part: [x.tobytes() for n in range(10) for x in found[part, n]] for part in sprites.PARTS}
    assert sum(map(len, by_part.values())) == len(load.images) == 1797
    assert [round(len(each) / 1797, 1) for each in by_part.values()] == [0.6, 0.2, 0.2]
    assert not set(by_part["train"]) & {*by_part["validation"], *by_part["test"]}
    for number in range(10):
        assert len(found["test", number]) > 20
    first = (load.images[0] / 16).astype(np.float32).tobytes()
    assert any(first == x.tobytes() for part in sprites.PARTS for x in found[part, int(load.target[0])])
    scene = draw("test", 0, "digits", 48)
    assert scene.picture.shape == (48, 48, 3)
    assert {thing.shape for thing in scene.things} <= set(sprites.SHAPES["digits"])


def test_missing_digits_are_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match="come with scikit-learn, which is not installed: pip install 'xattn"):
        sprites._digits()


def test_a_phrase_names_size_colour_and_shape():
    assert Thing(3, "big", "blue", "star").words == ("big", "blue", "star")
