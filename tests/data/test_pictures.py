"""Picture files of users: their pixels as they are, or one sentence that says what came and what is accepted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from xattn.data.pictures import read_picture
from xattn.errors import UserError

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def read(path):
    return read_picture(Path(path), height=5, width=7)


@pytest.fixture
def save(tmp_path):
    def save(picture, name="a.png", **options):
        picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
        picture.save(tmp_path / name, **options)
        return tmp_path / name

    return save


def test_pixels_are_as_in_the_file(save):
    grey, palette = RGB[..., 0], Image.fromarray(RGB).quantize(4)
    opaque = np.concatenate([RGB, np.full((5, 7, 1), 255, np.uint8)], axis=-1)
    for picture, pixels in [
        (RGB, RGB),
        (grey, np.repeat(grey[..., None], 3, axis=-1)),
        (opaque, RGB),
        (palette, np.asarray(palette.convert("RGB"))),
        (Image.fromarray(grey > 99), np.repeat(255 * (grey > 99)[..., None], 3, axis=-1)),
    ]:
        np.testing.assert_array_equal(read(save(picture)), pixels)


def test_what_cannot_be_used_is_said_in_one_sentence(save, tmp_path):
    floats, clear = np.zeros((5, 7), np.float32), np.zeros((5, 7, 4), np.uint8)
    whole = save(np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8), "whole.bmp").read_bytes()
    huge = whole[:18] + np.array([40_000, 40_000], "<i4").tobytes() + whole[26:]
    nan = floats.copy()
    nan[0, 0] = np.nan
    for name, content in {"empty.png": b"", "text.png": b"a fox", "cut.bmp": whole[:70], "huge.bmp": huge}.items():
        (tmp_path / name).write_bytes(content)
    frames = [Image.fromarray(RGB), Image.fromarray(RGB[::-1].copy())]
    for path, message in [
        (tmp_path / "empty.png", "is empty: give a picture of 7 x 5 pixels, such as a PNG."),
        (tmp_path / "text.png", "is not a picture: give a picture of 7 x 5 pixels, such as a PNG."),
        (tmp_path / "huge.bmp", "is far too large: give a picture of 7 x 5 pixels."),
        (tmp_path / "cut.bmp", "cut.bmp: "),
        (tmp_path / "none.png", "none.png: give a picture of 7 x 5 pixels, such as a PNG."),
        (tmp_path, "Is a directory."),
        (save(RGB[:4], "size.png"), "has 7 x 4 pixels: the model reads a picture of 7 x 5 pixels."),
        (save(nan, "nan.tiff"), "has pixels that are not numbers (NaN or infinite): save it as RGB, grey"),
        (
            save(floats, "floats.tiff"),
            "has floating-point pixels: save it as RGB, grey or a palette, 8 bits a channel.",
        ),
        (save(RGB[..., 0].astype(np.uint16), "deep.png"), "has 16-bit pixels: save it as RGB, grey"),
        (save(clear, "clear.png"), "has transparent pixels: save it on a background."),
        (save(Image.new("CMYK", (7, 5)), "ink.jpg"), "has pixels in CMYK: save it as RGB, grey"),
        (save(frames[0], "film.gif", save_all=True, append_images=frames[1:]), "has 2 frames: give one picture."),
    ]:
        with pytest.raises(UserError) as error:
            read(path)
        assert message in str(error.value), error.value
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)
