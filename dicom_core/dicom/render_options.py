"""The query parameters of rendered resources, as values.

Standard: PS3.18 8.3.5
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from dicom_core.dicom.annotations import ANNOTATIONS
from dicom_core.dicom.voi import LINEAR, LINEAR_EXACT, SIGMOID, Window
from dicom_core.errors import BadRequestError

__all__ = [
    "ICC_PROFILES",
    "MAX_VIEWPORT",
    "THUMBNAIL",
    "RenderOptions",
    "Viewport",
    "parse_annotations",
    "parse_icc_profile",
    "parse_quality",
    "parse_viewport",
    "parse_window",
]

MAX_VIEWPORT = 8192  # columns or rows of an image that is made to fit
ICC_PROFILES = ("no", "yes", "srgb", "adobergb", "rommrgb", "displayp3")

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WINDOW_FUNCTIONS = {"linear": LINEAR, "linear-exact": LINEAR_EXACT, "sigmoid": SIGMOID}


@dataclass(frozen=True, slots=True)
class Viewport:
    """The size that an image must fit in, and the region of the source that is shown.

    Missing `width` and `height` reach to the edge of the source; negative ones mirror the region.
    """

    columns: int
    rows: int
    left: float = 0.0
    top: float = 0.0
    width: float | None = None
    height: float | None = None


THUMBNAIL = Viewport(128, 128)


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """How to present a frame; by default as the data set says, in its own size."""

    media_type: str = "image/jpeg"
    quality: int = 100
    viewport: Viewport | None = None
    window: Window | None = None
    icc_profile: str = "no"
    annotations: tuple[str, ...] = ()


def parse_quality(text: str) -> int:
    """Read `quality`, a whole number from 1 to 100.

    Raises:
        BadRequestError: it is something else.
    """
    if not _WHOLE_NUMBER.fullmatch(text.strip()) or not 1 <= int(text) <= 100:
        raise BadRequestError("The quality parameter must be a whole number from 1 to 100.")
    return int(text)


def parse_viewport(text: str) -> Viewport:
    """Read `viewport`: two to six numbers, those after the second of which may be empty.

    Raises:
        BadRequestError: a number is missing, not a number, or impossible.
    """
    parts = [part.strip() for part in text.split(",")]
    if not 2 <= len(parts) <= 6:
        raise BadRequestError("The viewport parameter must be vw,vh or vw,vh,sx,sy,sw,sh.")
    sizes = [_number("viewport", part) for part in parts[:2]]
    if not all(size.is_integer() and 1 <= size <= MAX_VIEWPORT for size in sizes):
        raise BadRequestError(f"The viewport parameter must begin with two whole numbers from 1 to {MAX_VIEWPORT}.")
    region = [_number("viewport", part) if part else None for part in parts[2:]]
    left, top, width, height = (*region, None, None, None, None)[:4]
    if (left or 0) < 0 or (top or 0) < 0 or width == 0 or height == 0:
        raise BadRequestError("The viewport parameter names a region that is empty or begins outside of the image.")
    return Viewport(int(sizes[0]), int(sizes[1]), left or 0.0, top or 0.0, width, height)


def parse_window(text: str) -> Window:
    """Read `window`: center, width and function.

    Raises:
        BadRequestError: one of the three is missing or wrong.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3:
        raise BadRequestError("The window parameter must be center,width,function.")
    center, width = _number("window", parts[0]), _number("window", parts[1])
    function = _WINDOW_FUNCTIONS.get(parts[2].lower())
    if function is None:
        raise BadRequestError("The window parameter must end with linear, linear-exact or sigmoid.")
    if width <= 0 or (function == LINEAR and width < 1):
        raise BadRequestError("The window parameter has too small a width.")
    return Window(center, width, function)


def parse_icc_profile(text: str) -> str:
    """Read `iccprofile`, one of ICC_PROFILES.

    Raises:
        BadRequestError: it is something else.
    """
    name = text.strip().lower()
    if name not in ICC_PROFILES:
        raise BadRequestError(f"The iccprofile parameter must be one of {', '.join(ICC_PROFILES)}.")
    return name


def parse_annotations(text: str) -> tuple[str, ...]:
    """Read `annotation`, one or more of ANNOTATIONS; they come in the order of those.

    Raises:
        BadRequestError: it is something else.
    """
    names = {name.strip().lower() for name in text.split(",")}
    if not names.issubset(ANNOTATIONS):
        raise BadRequestError(f"The annotation parameter must be {' or '.join(ANNOTATIONS)}, or both, separated by a comma.")
    return tuple(name for name in ANNOTATIONS if name in names)


def _number(parameter: str, text: str) -> float:
    number = float(text) if _DECIMAL.fullmatch(text) else math.nan
    if not math.isfinite(number):
        raise BadRequestError(f"The {parameter} parameter holds something that is not a number.")
    return number
