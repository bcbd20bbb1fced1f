"""ICC profiles of rendered images: the data set's own, and the standard colour spaces a client can ask for.

Standard: PS3.18 8.3.5.1.5; PS3.3 C.11.15
"""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING

from dicom_core.dicom.attributes import Attributes

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["with_colour_profile"]

_ICC_PROFILE, _OPTICAL_PATH_SEQUENCE = 0x00282000, 0x00480105

_D50, _D65 = (0.3457, 0.3585, 1.0), (0.3127, 0.3290, 1.0)
_ROMM_PRIMARIES = (0.7347, 0.2653, 1.0, 0.1596, 0.8404, 1.0, 0.0366, 0.0001, 1.0)
_DISPLAY_P3_PRIMARIES = (0.680, 0.320, 1.0, 0.265, 0.690, 1.0, 0.150, 0.060, 1.0)


def with_colour_profile(image: Image, attributes: Attributes, wanted: str) -> tuple[Image, bytes | None]:
    """Convert a colour image as `iccprofile` asks, and give the profile to embed.

    Colours of a data set without a profile, or with one that cannot be used, are taken as sRGB. Grey has no profile.
    """
    if wanted == "no" or image.mode != "RGB":
        return image, None
    own = _own_profile(attributes)
    if wanted == "yes":
        return image, own or _profile("srgb")
    target = _profile(wanted)
    return _converted(image, own or _profile("srgb"), target), target


def _own_profile(attributes: Attributes) -> bytes | None:
    """Give the usable ICC Profile of the data set or of its first optical path."""
    from PIL.ImageCms import ImageCmsProfile, PyCMSError

    optical_path = attributes.item(_OPTICAL_PATH_SEQUENCE)
    for level in (attributes, optical_path):
        profile = bytes(level.value(_ICC_PROFILE)) if level is not None else b""
        if not profile:
            continue
        try:
            if ImageCmsProfile(BytesIO(profile)).profile.xcolor_space.strip() == "RGB":
                return profile
        except (OSError, PyCMSError):
            continue
    return None


@cache
def _profile(name: str) -> bytes:
    import imagecodecs
    import numpy as np

    match name:
        case "rommrgb":
            return bytes(imagecodecs.cms_profile("rgb", whitepoint=_D50, primaries=_ROMM_PRIMARIES, gamma=1.8))
        case "displayp3":
            light = np.linspace(0.0, 1.0, 1024)
            curve = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
            curve = np.rint(curve * 65535).astype(np.uint16)
            return bytes(imagecodecs.cms_profile("rgb", whitepoint=_D65, primaries=_DISPLAY_P3_PRIMARIES, transferfunction=curve))
        case _:
            return bytes(imagecodecs.cms_profile(name))


def _converted(image: Image, source: bytes, target: bytes) -> Image:
    from PIL.ImageCms import ImageCmsProfile, PyCMSError, profileToProfile

    if source == target:
        return image
    try:
        converted = profileToProfile(image, ImageCmsProfile(BytesIO(source)), ImageCmsProfile(BytesIO(target)))
    except (OSError, PyCMSError):
        return image
    return converted or image
