"""ICC profiles in rendered images."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.ImageCms import ImageCmsProfile, createProfile, getProfileDescription
from pydicom import Dataset, Sequence

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.render_options import RenderOptions
from dicom_core.dicom.rendering import render
from tests.dicom.pixel_files import StoredFile, make_file

SRGB = ImageCmsProfile(createProfile("sRGB")).tobytes()
GREEN = np.full((1, 4, 4, 3), [10, 200, 30], "u1")


def rendered(wanted: str, samples: Any = GREEN, **attributes: Any) -> Image.Image:
    file = StoredFile.of(make_file(samples, **attributes))
    options = RenderOptions(media_type="image/png", icc_profile=wanted)
    found = render(file.frame(1), file.header.transfer_syntax_uid, file.pixels, Attributes.of(file.header), options)
    return Image.open(BytesIO(found))


def description(image: Image.Image) -> str:
    return getProfileDescription(ImageCmsProfile(BytesIO(image.info["icc_profile"])))


def test_no_profile_by_default() -> None:
    assert "icc_profile" not in rendered("no", ICCProfile=SRGB).info


def test_yes_embeds_the_profile_of_the_data_set() -> None:
    assert rendered("yes", ICCProfile=SRGB).info["icc_profile"] == SRGB


def test_yes_embeds_the_profile_of_the_optical_path() -> None:
    path = Dataset()
    path.ICCProfile = SRGB
    assert rendered("yes", OpticalPathSequence=Sequence([path])).info["icc_profile"] == SRGB


@pytest.mark.parametrize("profile", [b"nonsense", b"\0" * 200])
def test_an_unusable_profile_does_not_count(profile: bytes) -> None:
    assert "sRGB" in description(rendered("yes", ICCProfile=profile))


@pytest.mark.parametrize(
    ("wanted", "pixel"),
    [("srgb", (10, 200, 30)), ("adobergb", (113, 199, 56)), ("displayp3", (91, 197, 66)), ("rommrgb", (103, 174, 62))],
)
def test_colours_are_converted(wanted: str, pixel: tuple[int, int, int]) -> None:
    image = rendered(wanted, ICCProfile=SRGB)
    assert "icc_profile" in image.info
    found = image.getpixel((1, 1))
    assert isinstance(found, tuple)
    assert max(abs(one - other) for one, other in zip(found, pixel, strict=True)) <= 2, found


@pytest.mark.parametrize("wanted", ["yes", "srgb"])
def test_grey_has_no_profile(wanted: str) -> None:
    assert "icc_profile" not in rendered(wanted, np.zeros((1, 4, 4), "u1"), ICCProfile=SRGB).info
