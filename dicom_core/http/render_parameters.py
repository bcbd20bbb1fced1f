"""The query parameters of rendered resources and thumbnails.

Standard: PS3.18 8.3.5
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from starlette.requests import Request

from dicom_core.dicom.render_options import (
    THUMBNAIL,
    RenderOptions,
    parse_annotations,
    parse_icc_profile,
    parse_quality,
    parse_viewport,
    parse_window,
)

__all__ = ["render_options", "thumbnail_options"]

_THUMBNAIL_QUALITY: Final = 85


def render_options(request: Request) -> RenderOptions:
    """How a rendered resource is to look.

    Raises:
        BadRequestError: a parameter is wrong.
    """
    texts = _texts(request)
    options = RenderOptions()
    if "quality" in texts:
        options = replace(options, quality=parse_quality(texts["quality"]))
    if "viewport" in texts:
        options = replace(options, viewport=parse_viewport(texts["viewport"]))
    if "window" in texts:
        options = replace(options, window=parse_window(texts["window"]))
    if "iccprofile" in texts:
        options = replace(options, icc_profile=parse_icc_profile(texts["iccprofile"]))
    if "annotation" in texts:
        options = replace(options, annotations=parse_annotations(texts["annotation"]))
    return options


def thumbnail_options(request: Request) -> RenderOptions:
    """How a thumbnail is to look: only its size can be chosen.

    Raises:
        BadRequestError: the size is wrong.
    """
    text = _texts(request).get("viewport")
    viewport = THUMBNAIL if text is None else parse_viewport(text)
    return RenderOptions(quality=_THUMBNAIL_QUALITY, viewport=viewport)


def _texts(request: Request) -> dict[str, str]:
    """Parameters by name in lower case; of a repeated one the first counts."""
    return {name.lower(): value for name, value in reversed(request.query_params.multi_items())}
