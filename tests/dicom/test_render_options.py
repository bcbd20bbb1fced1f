"""Query parameters of rendered resources."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dicom_core.dicom.render_options import Viewport, parse_annotations, parse_icc_profile, parse_quality, parse_viewport, parse_window
from dicom_core.dicom.voi import LINEAR, LINEAR_EXACT, SIGMOID, Window
from dicom_core.errors import BadRequestError


@pytest.mark.parametrize(("text", "quality"), [("1", 1), ("100", 100), (" 50 ", 50), ("+7", 7), ("007", 7)])
def test_quality(text: str, quality: int) -> None:
    assert parse_quality(text) == quality


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("512,256", Viewport(512, 256)),
        (" 512 , 256 ", Viewport(512, 256)),
        ("512,256,10,20", Viewport(512, 256, 10, 20)),
        ("512,256,10,20,-30,-40", Viewport(512, 256, 10, 20, -30, -40)),
        ("512,256,,,,", Viewport(512, 256)),
        ("512,256,,20,,40.5", Viewport(512, 256, 0, 20, None, 40.5)),
    ],
)
def test_viewport(text: str, viewport: Viewport) -> None:
    assert parse_viewport(text) == viewport


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", Window(40, 400, LINEAR)),
        ("-600.5,1500,LINEAR-EXACT", Window(-600.5, 1500, LINEAR_EXACT)),
        ("0,0.5,sigmoid", Window(0, 0.5, SIGMOID)),
    ],
)
def test_window(text: str, window: Window) -> None:
    assert parse_window(text) == window


@pytest.mark.parametrize("text", ["no", "yes", "srgb", "AdobeRGB", "rommrgb", "displayp3"])
def test_icc_profile(text: str) -> None:
    assert parse_icc_profile(text) == text.lower()


@pytest.mark.parametrize(
    ("text", "names"),
    [("patient", ("patient",)), ("Technique", ("technique",)), (" technique , patient,patient", ("patient", "technique"))],
)
def test_annotations(text: str, names: tuple[str, ...]) -> None:
    assert parse_annotations(text) == names


@pytest.mark.parametrize(
    ("parse", "parameter", "text"),
    [
        *[(parse_quality, "quality", text) for text in ("", "0", "101", "-1", "x", "1.5", "1e1", "--5", "9" * 5000, "٣")],
        *[
            (parse_viewport, "viewport", text)
            for text in (
                "",
                "512",
                "512,",
                ",512",
                "0,512",
                "512,-1",
                "512.5,512",
                "9000,1",
                "x,y",
                "1,1,-1,0",
                "1,1,0,0,0,5",
                "1,1,0,0,5,0",
                "1,1,1,1,1,1,1",
                "nan,1",
                "1,inf",
            )
        ],
        *[
            (parse_window, "window", text)
            for text in (
                "",
                "40,400",
                "40,400,",
                "40,400,cubic",
                "x,400,linear",
                "40,0,sigmoid",
                "40,0.5,linear",
                "nan,1,linear",
                "1,2,linear,3",
            )
        ],
        *[(parse_icc_profile, "iccprofile", text) for text in ("", "maybe", "sRGB2")],
        *[(parse_annotations, "annotation", text) for text in ("", "name", "patient,", "patient,name")],
    ],
)
def test_bad_values_are_refused_by_the_name_of_their_parameter(parse: Callable[[str], object], parameter: str, text: str) -> None:
    with pytest.raises(BadRequestError, match=f"The {parameter} parameter"):
        parse(text)
