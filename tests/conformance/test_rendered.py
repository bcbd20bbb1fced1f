"""Rendered resources and thumbnails over HTTP: order of checks, media types, parameters, and the pixels themselves."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut, convert_color_space

from tests.conformance.imaging import IMPLICIT, JPEG, JPEG_2000, RLE, VIDEO, assert_text, bundled_bytes, picture, pixels, put
from tests.conformance.place import Place, instance_path
from tests.dicom.bundled import quiet
from tests.dicom.factories import make_instance
from tests.dicom.pixel_files import make_file, read_dataset

pytestmark = pytest.mark.asyncio(loop_scope="module")

FILM = make_instance(rows=6, columns=10, frames=3)
HERE = instance_path()
ABSENT = instance_path(instance="9.9")
Array = np.ndarray[Any, Any]

# path, Accept, status; in every request all that is checked later is wrong, too
ORDER = [
    ("studies/x/series/1/instances/1/rendered?quality=x", "text/html", 400),
    ("studies/x/series/1/instances/1/frames/x/rendered?quality=0", "text/html", 400),
    ("studies/x/series/1/instances/1/rendered?quality=0", "text/html", 400),
    (f"{ABSENT}/frames/0/rendered?quality=0", "text/html", 400),
    (f"{ABSENT}/frames/-1/rendered", "text/html", 400),
    (f"{ABSENT}/rendered?quality=0", "text/html", 400),
    (f"{ABSENT}/rendered?quality=101", "image/png", 400),
    (f"{ABSENT}/rendered", "text/css", 406),
    (f"{ABSENT}/frames/99/rendered", "image/webp", 406),
    (f"{HERE}/frames/99/rendered", "image/webp", 406),
    (f"{ABSENT}/rendered", None, 404),
    (f"{ABSENT}/frames/1/rendered", "image/png", 404),
    (f"{HERE}/frames/4/rendered", None, 404),
    (f"{HERE}/frames/2147483647/rendered", None, 404),
]


@pytest.mark.parametrize(("path", "accept", "status"), ORDER)
async def test_order_of_checks(any_place: Place, path: str, accept: str | None, status: int) -> None:
    await any_place.store(FILM)
    assert_text(await any_place.get(path, accept), status)


@pytest.mark.parametrize(
    "resource", ["rendered", "frames/1/rendered", "thumbnail", "frames/1/thumbnail", "frames/1", "bulkdata", "pixeldata"]
)
async def test_unknown_partition(place: Place, resource: str) -> None:
    assert_text(await place.get(f"studies/x/series/1/instances/1/{resource}", "text/html"), 400)


FRAMES = ["0", "-1", "x", "1.5", "1,2", "%20", "1e0", "1;", "%C2%B2", "0x1"]


@pytest.mark.parametrize("resource", ["rendered", "thumbnail"])
@pytest.mark.parametrize("frame", FRAMES)
async def test_bad_frame(place: Place, frame: str, resource: str) -> None:
    await place.store(FILM)
    for path in (HERE, ABSENT):
        assert_text(await place.get(f"{path}/frames/{frame}/{resource}"), 400)


QUALITIES = {
    "1": 200,
    "100": 200,
    "50": 200,
    "007": 200,
    "0": 400,
    "101": 400,
    "-1": 400,
    "x": 400,
    "": 400,
    "1.5": 400,
    "99999999999": 400,
}


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("accept", [None, "image/jpeg", "image/png"])
async def test_quality(any_place: Place, quality: str, accept: str | None) -> None:
    await any_place.store(FILM)
    for path in (f"{HERE}/rendered", f"{HERE}/frames/2/rendered"):
        answer = await any_place.get(f"{path}?quality={quality}", accept)
        if QUALITIES[quality] == 200:
            assert picture(answer).size == (10, 6)
        else:
            assert_text(answer, 400)


async def test_quality_matters_to_jpeg_only(place: Place) -> None:
    path = await put(place, bundled_bytes("examples_rgb_color.dcm"))
    sizes = [len((await place.get(f"{path}/rendered?quality={quality}")).body) for quality in (1, 30, 60, 90, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] * 4 < sizes[-1]
    assert (await place.get(f"{path}/rendered?quality=100")).body == (await place.get(f"{path}/rendered")).body
    assert (await place.get(f"{path}/rendered?quality=1", "image/png")).body == (await place.get(f"{path}/rendered", "image/png")).body


TYPES = {
    None: "image/jpeg",
    "": "image/jpeg",
    "*/*": "image/jpeg",
    "image/*": "image/jpeg",
    "image/jpeg": "image/jpeg",
    "IMAGE/JPEG": "image/jpeg",
    "image/png": "image/png",
    "image/png, image/jpeg": "image/png",
    "image/jpeg, image/png": "image/jpeg",
    "image/png;q=0.5, image/jpeg": "image/jpeg",
    "image/jpeg;q=0.5, image/png": "image/png",
    "image/png;q=0.5, image/jpeg;q=0.4": "image/png",
    "text/html, image/png": "image/png",
    "image/jpeg;q=0, */*": "image/png",
    "image/png;q=0, image/*": "image/jpeg",
    "image/webp, */*;q=0.1": "image/jpeg",
    "image/jpeg; quality=1": "image/jpeg",
    "image/avif,image/webp,image/apng,image/*,*/*;q=0.8": "image/jpeg",
}


@pytest.mark.parametrize("accept", TYPES)
async def test_media_types(any_place: Place, accept: str | None) -> None:
    await any_place.store(FILM)
    for resource in ("rendered", "frames/3/rendered", "thumbnail"):
        answer = await any_place.get(f"{HERE}/{resource}", accept)
        assert (answer.status, answer.headers["content-type"]) == (200, TYPES[accept])
        assert picture(answer).format == TYPES[accept].removeprefix("image/").upper()


UNACCEPTABLE = [
    "text/css",
    "image/webp",
    "application/json",
    "application/dicom",
    'multipart/related; type="image/jpeg"',
    "*/*;q=0",
    "nonsense",
]


@pytest.mark.parametrize("accept", UNACCEPTABLE)
async def test_not_acceptable(place: Place, accept: str) -> None:
    await place.store(FILM)
    for path in (HERE, ABSENT):
        for resource in ("rendered", "frames/1/rendered", "thumbnail"):
            assert_text(await place.get(f"{path}/{resource}", accept), 406)


@pytest.mark.parametrize("without", ["Rows", "Columns", "BitsAllocated", "PixelData"])
async def test_no_pixel_data(any_place: Place, without: str) -> None:
    path = await put(any_place, make_instance(rows=2, columns=2, without=[without]))
    for resource in ("rendered", "frames/1/rendered", "thumbnail", "frames/1/thumbnail"):
        assert_text(await any_place.get(f"{path}/{resource}"), 404)


@pytest.mark.parametrize("syntax", [VIDEO, "1.2.3.4", JPEG, RLE, JPEG_2000])
async def test_undecodable(any_place: Place, syntax: str) -> None:
    path = await put(any_place, make_instance(transfer_syntax=syntax, rows=4, columns=4, pixel_data=[b"no image"]))
    for resource in ("rendered", "frames/1/rendered", "thumbnail", "frames/1/thumbnail"):
        assert_text(await any_place.get(f"{path}/{resource}"), 406)
    assert_text(await any_place.get(f"{path}/frames/2/rendered"), 404)


def _shown(file: bytes) -> Array:
    """The first frame in its first window, as pydicom presents it in the full range of the stored samples, in 8 bits."""
    data_set = read_dataset(file)
    with quiet():
        values: Array = apply_voi_lut(apply_modality_lut(pixels(file)[0], data_set), data_set, 0)
    low = -(2 ** (data_set.BitsStored - 1)) if data_set.PixelRepresentation else 0
    slope, intercept = float(data_set.get("RescaleSlope") or 1), float(data_set.get("RescaleIntercept") or 0)
    shown: Array = ((values - intercept) / slope - low) / (2**data_set.BitsStored - 1) * 255
    return shown


WINDOWS = [(100, 50), (0, 1), (-20.5, 300), (1024, 4096), (40, 2)]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("center", "width"), [*WINDOWS, (None, None)])
@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (2, -1024), (0.5, 10)])
async def test_windows(place: Place, center: float | None, width: float | None, slope: float, intercept: float, photometric: str) -> None:
    samples = np.random.default_rng(8).integers(-2000, 3000, (1, 16, 20), "i2")
    window: dict[str, Any] = {} if center is None else {"WindowCenter": center, "WindowWidth": width}
    file = make_file(samples, PhotometricInterpretation=photometric, RescaleSlope=slope, RescaleIntercept=intercept, **window)
    path = await put(place, file)
    values = samples[0] * slope + intercept
    if center is None or width is None:
        levels = None
    elif width == 1:
        levels = np.where(values > center - 0.5, 255.0, 0.0)
    else:
        levels = np.clip(((values - (center - 0.5)) / (width - 1) + 0.5) * 255, 0, 255)
    got = np.asarray(picture(await place.get(f"{path}/rendered", "image/png"))).astype("f8")
    if photometric == "MONOCHROME1":
        got = 255 - got
    if levels is not None:
        assert np.abs(got - levels).max() <= 1
    else:
        order = np.argsort(values.ravel())
        assert (np.diff(got.ravel()[order]) >= 0).all()


GRAY = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jp2klossless.dcm",
    "examples_overlay.dcm",
    "693_J2KI.dcm",
]


@pytest.mark.parametrize("name", GRAY)
async def test_bundled_gray(place: Place, name: str) -> None:
    file = bundled_bytes(name)
    image = picture(await place.get(f"{await put(place, file)}/rendered", "image/png"))
    data_set = read_dataset(file)
    assert (image.mode, image.size) == ("L", (data_set.Columns, data_set.Rows))
    got = np.asarray(image).astype("f8")
    if "WindowCenter" in data_set:
        assert np.abs(got - _shown(file)).max() <= 1
    else:
        assert got.min() < got.max()


COLOUR = [
    "examples_rgb_color.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_jpeg2k.dcm",
    "SC_rgb_small_odd.dcm",
]


@pytest.mark.parametrize("name", COLOUR)
async def test_bundled_colour(place: Place, name: str) -> None:
    file = bundled_bytes(name)
    data_set = read_dataset(file)
    image = picture(await place.get(f"{await put(place, file)}/rendered", "image/png"))
    assert (image.mode, image.size) == ("RGB", (data_set.Columns, data_set.Rows))
    expected = pixels(file)[0]
    if data_set.PhotometricInterpretation.startswith("YBR_FULL"):
        expected = convert_color_space(expected, "YBR_FULL", "RGB")
    assert np.abs(np.asarray(image).astype("i4") - expected.astype("i4")).max() <= 2


async def test_palette(place: Place) -> None:
    file = bundled_bytes("examples_palette.dcm")
    data_set = read_dataset(file)
    image = np.asarray(picture(await place.get(f"{await put(place, file)}/rendered", "image/png")).convert("RGB")).astype("i4")
    colours = apply_color_lut(pixels(file)[0], data_set).astype("i4")
    assert np.abs(image - (colours >> 8 if colours.max() > 255 else colours)).max() <= 1


@pytest.mark.parametrize(
    "name", ["SC_rgb_jpeg_dcmtk.dcm", "examples_ybr_color.dcm", "SC_rgb_dcmtk_+eb+cr.dcm", "SC_jpeg_no_color_transform.dcm"]
)
async def test_bundled_jpeg(place: Place, name: str) -> None:
    file = bundled_bytes(name)
    image = picture(await place.get(f"{await put(place, file)}/rendered", "image/png"))
    with quiet():
        expected = read_dataset(file).pixel_array
    data_set = read_dataset(file)
    expected = expected if expected.ndim == 3 else expected[0]
    if data_set.PhotometricInterpretation.startswith("YBR_FULL"):
        raw = pixels(file)[0]
        expected = convert_color_space(raw, "YBR_FULL", "RGB")
    assert np.abs(np.asarray(image).astype("i4") - expected.astype("i4")).mean() <= 1


BAD_PARAMETERS = [
    *(
        f"viewport={quote(text)}"
        for text in ["", "1", "x,y", "0,1", "1,0", "-1,5", "1,2,3,4,5,6,7", "1.5,2", "10,10,-1,0,5,5", "10,10,0,0,0,5"]
    ),
    *(
        f"viewport={quote(text)}"
        for text in ["nan,1", "inf,1", "1,2,x,,,", "100000,1", "1e400,1", "1_0,1", "10,10,nan,0,1,1", "\N{ARABIC-INDIC DIGIT ONE},1"]
    ),
    *(
        f"window={quote(text)}"
        for text in ["", "1", "1,2", "1,2,cubic", "1,2,linear,4", "x,2,linear", "1,y,linear", "1,0,linear", "1,-5,linear"]
    ),
    *(
        f"window={quote(text)}"
        for text in ["nan,1,linear", "1,inf,linear", ",,linear", "1,2,", "1,0,sigmoid", "1,0,linear-exact", "1_0,20,linear"]
    ),
    *(f"iccprofile={text}" for text in ["", "x", "sRGB,no"]),
    *(f"annotation={text}" for text in ["", "x", "patient,x", ","]),
]


@pytest.mark.parametrize("path", [HERE, ABSENT])
@pytest.mark.parametrize("parameters", BAD_PARAMETERS)
async def test_bad_parameters(place: Place, parameters: str, path: str) -> None:
    await place.store(FILM)
    assert_text(await place.get(f"{path}/rendered?{parameters}", "image/webp"), 400)
    assert_text(await place.get(f"{path}/frames/1/rendered?{parameters}"), 400)
    if parameters.startswith("viewport"):
        assert_text(await place.get(f"{path}/thumbnail?{parameters}"), 400)


VIEWPORTS = {"5,5": (5, 3), "20,12": (20, 12), "100,12": (20, 12), "20,100": (20, 12), "1,1": (1, 1), "10,10,0,0,5,3": (10, 6)}
VIEWPORTS |= {"10,6,,,,": (10, 6), "10,6,5,,,": (10, 10), "12,12,0,0,6,6": (12, 12), "10,6,0,0,-10,-6": (10, 6)}


@pytest.mark.parametrize("viewport", VIEWPORTS)
async def test_viewport(place: Place, viewport: str) -> None:
    await place.store(FILM)
    columns, rows = picture(await place.get(f"{HERE}/rendered?viewport={viewport}", "image/png")).size
    vw, vh = map(int, viewport.split(",")[:2])
    assert columns <= vw
    assert rows <= vh
    if viewport != "10,6,5,,,":
        assert (columns, rows) == VIEWPORTS[viewport]


async def test_mirrored_viewport(place: Place) -> None:
    samples = np.random.default_rng(9).integers(0, 256, (1, 6, 10), "u1")
    path = await put(place, make_file(samples, WindowCenter=128, WindowWidth=256))
    plain = np.asarray(picture(await place.get(f"{path}/rendered", "image/png")))
    np.testing.assert_array_equal(
        np.asarray(picture(await place.get(f"{path}/rendered?viewport=10,6,0,0,-10,6", "image/png"))), plain[:, ::-1]
    )
    np.testing.assert_array_equal(
        np.asarray(picture(await place.get(f"{path}/rendered?viewport=10,6,0,0,10,-6", "image/png"))), plain[::-1]
    )
    np.testing.assert_array_equal(
        np.asarray(picture(await place.get(f"{path}/rendered?viewport=4,3,2,1,4,3", "image/png"))), plain[1:4, 2:6]
    )


@pytest.mark.parametrize("function", ["linear", "linear-exact", "sigmoid"])
async def test_window_parameter(place: Place, function: str) -> None:
    samples = np.arange(0, 4000, 10, dtype=np.uint16).reshape(1, 20, 20)
    path = await put(place, make_file(samples, WindowCenter=1, WindowWidth=2))
    got = np.asarray(picture(await place.get(f"{path}/rendered?window=2000,1000,{function}", "image/png"))).astype("f8")
    values = samples[0].astype("f8")
    expected = {
        "linear": np.clip(((values - 1999.5) / 999 + 0.5) * 255, 0, 255),
        "linear-exact": np.clip(((values - 2000) / 1000 + 0.5) * 255, 0, 255),
        "sigmoid": 255 / (1 + np.exp(-4 * (values - 2000) / 1000)),
    }[function]
    assert np.abs(got - expected).max() <= 1


@pytest.mark.parametrize("query", ["", "?viewport=20,20", "?quality=0", "?window=x"])
async def test_thumbnails(any_place: Place, query: str) -> None:
    path = await put(any_place, make_instance(rows=300, columns=200, frames=3))
    study, _, rest = path.partition("/series/")
    series = rest.partition("/")[0]
    for place_of in (path, f"{study}/series/{series}", study, f"{path}/frames/2"):
        answer = await any_place.get(f"{place_of}/thumbnail{query}")
        image = picture(answer)
        assert answer.headers["content-type"] == "image/jpeg"
        assert image.height <= (20 if "viewport" in query else 300)
        assert abs(image.width / image.height - 2 / 3) < 0.1
    for missing in ("studies/9.9", f"{study}/series/9.9", f"{path}9", f"{path}/frames/4"):
        assert_text(await any_place.get(f"{missing}/thumbnail"), 404)


@pytest.mark.parametrize("bits", [1, 8, 16, 32])
@pytest.mark.parametrize("syntax", [IMPLICIT, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
async def test_bits_allocated(place: Place, bits: int, syntax: str) -> None:
    path = await put(place, make_instance(transfer_syntax=syntax, rows=8, columns=16, frames=2, bits=bits))
    for resource in ("rendered", "frames/2/rendered"):
        assert picture(await place.get(f"{path}/{resource}")).size == (16, 8)
