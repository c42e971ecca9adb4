"""Pictures that a user gives: files of one size, in colour or grey."""

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from xattn.errors import UserError

_ACCEPTED = "RGB, grey or a palette, 8 bits a channel"
_DEEP = {"I": "32-bit", "I;16": "16-bit", "I;16B": "16-bit", "I;16L": "16-bit", "F": "floating-point"}


def read_picture(path: Path, *, height: int, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """The pixels of a picture file in RGB.

    Raises `UserError` for a file that cannot be read or is no picture, for another size, and for pixels that would have
    to be changed: of another depth, of other channels, or transparent.
    """
    wanted = f"a picture of {width} x {height} pixels"
    try:
        if path.stat().st_size == 0:
            raise UserError(f"{path} is empty: give {wanted}, such as a PNG.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return _pixels(picture, path, wanted, (width, height))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}: give {wanted}, such as a PNG.") from None
    except UnidentifiedImageError:
        raise UserError(f"{path} is not a picture: give {wanted}, such as a PNG.") from None
    except Image.DecompressionBombError:
        raise UserError(f"{path} is far too large: give {wanted}.") from None
    except (OSError, SyntaxError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"Cannot read {path}: {why.rstrip('.')}.") from None


def _pixels(picture: Image.Image, path: Path, wanted: str, size: tuple[int, int]) -> np.ndarray:
    """The pixels of an open picture, if it is as it must be."""
    if picture.size != size:
        raise UserError(f"{path} has {picture.width} x {picture.height} pixels: the model reads {wanted}.")
    frames = getattr(picture, "n_frames", 1)
    if frames != 1:
        raise UserError(f"{path} has {frames} frames: give one picture.")
    picture.load()
    mode = picture.mode
    if mode in _DEEP:
        finite = np.isfinite(np.asarray(picture)).all()
        what = f"{_DEEP[mode]} pixels" if finite else "pixels that are not numbers (NaN or infinite)"
        raise UserError(f"{path} has {what}: save it as {_ACCEPTED}.")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        if np.asarray(picture)[..., 3].min() < 255:
            raise UserError(f"{path} has transparent pixels: save it on a background.")
    elif mode not in ("RGB", "L", "P", "1"):
        raise UserError(f"{path} has pixels in {mode}: save it as {_ACCEPTED}.")
    return np.asarray(picture.convert("RGB"))
