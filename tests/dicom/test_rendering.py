"""Pictures of frames, held against pydicom's own pixel functions and the formulas of the standard."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, Sequence
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing, convert_color_space
from pydicom.pixels.utils import pixel_array

from dicom_core.dicom.attributes import Attributes
from dicom_core.dicom.codecs import CodecError
from dicom_core.dicom.render_options import THUMBNAIL, RenderOptions, parse_viewport, parse_window
from dicom_core.dicom.rendering import frame_duration, render, render_animation
from dicom_core.errors import BadRequestError
from tests.dicom.pixel_files import BUNDLED, StoredFile, bundled, make_file, read_dataset

NO_DECODER_IN_PYDICOM = {
    "JPEG-lossy.dcm",
    "JPGExtended.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "badVR.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm",
}
PNG = RenderOptions(media_type="image/png")

Samples = np.ndarray[Any, Any]


def png_of(file: StoredFile, frame: int = 1, options: RenderOptions = PNG) -> Samples:
    content = render(file.frame(frame), file.header.transfer_syntax_uid, file.pixels, Attributes.of(file.header), options, frame=frame)
    return np.asarray(Image.open(BytesIO(content)))


def shades_of(samples: Samples, options: RenderOptions = PNG, **attributes: Any) -> list[int]:
    """Render one row of pixels."""
    shades: list[int] = png_of(StoredFile.of(make_file(samples.reshape(1, 1, -1), **attributes)), options=options)[0].tolist()
    return shades


def lookup_table(entries: list[int], first: int = 0, bits: int = 8) -> Sequence:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = entries
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


def item(**attributes: Any) -> Sequence:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Sequence([dataset])


def _expected_grey(samples: Samples, dataset: Dataset) -> Samples:
    """Present with pydicom's functions, whose output range is that of the stored bits."""
    values = np.asarray(apply_modality_lut(samples, dataset)).astype(float)
    if "WindowWidth" in dataset:
        values = np.asarray(apply_windowing(values, dataset))
        stored, signed = dataset.BitsStored, dataset.PixelRepresentation
        limits = np.array([-(1 << stored - 1), (1 << stored - 1) - 1] if signed else [0, (1 << stored) - 1])
        low, high = apply_modality_lut(limits, dataset)
    elif dataset.BitsAllocated == 1:
        low, high = 0, 1
    else:
        padding = dataset.get("PixelPaddingValue")
        counted = values[samples != padding] if padding is not None else values
        low, high = counted.min(), counted.max()
    shades: Samples = np.clip((values - low) / ((high - low) or 1), 0, 1) * 255
    return 255 - shades if dataset.PhotometricInterpretation == "MONOCHROME1" else shades


def _expected_colour(samples: Samples, dataset: Dataset) -> Samples:
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        samples = np.asarray(apply_color_lut(samples, dataset))
    eight_bits: Samples = samples >> (8 * samples.itemsize - 8)
    return eight_bits


@pytest.mark.parametrize("name", [name for name in BUNDLED if name not in NO_DECODER_IN_PYDICOM])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_pictures_of_bundled_files_are_those_of_pydicom(name: str) -> None:
    file = bundled(name)
    dataset = read_dataset(BUNDLED[name].read_bytes())
    samples = pixel_array(dataset, index=0)
    colour = file.pixels.samples_per_pixel == 3 or file.pixels.photometric_interpretation == "PALETTE COLOR"
    expected = _expected_colour(samples, dataset) if colour else _expected_grey(samples, dataset)
    picture = png_of(file)
    assert picture.shape == expected.shape
    assert np.abs(picture.astype(float) - expected).max() <= 1


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param({}, [0, 51, 102, 153, 204, 255], id="full range"),
        pytest.param({"PhotometricInterpretation": "MONOCHROME1"}, [255, 204, 153, 102, 51, 0], id="MONOCHROME1"),
        pytest.param({"WindowCenter": 250, "WindowWidth": 101}, [0, 0, 1, 254, 255, 255], id="LINEAR"),
        pytest.param({"WindowCenter": 250, "WindowWidth": 1}, [0, 0, 0, 255, 255, 255], id="LINEAR of width 1"),
        pytest.param(
            {"WindowCenter": 250, "WindowWidth": 200, "VOILUTFunction": "LINEAR_EXACT"}, [0, 0, 64, 191, 255, 255], id="LINEAR_EXACT"
        ),
        pytest.param({"WindowCenter": 250, "WindowWidth": 200, "VOILUTFunction": "SIGMOID"}, [2, 12, 69, 186, 243, 253], id="SIGMOID"),
        pytest.param({"WindowCenter": [250, 40], "WindowWidth": [101, 9]}, [0, 0, 1, 254, 255, 255], id="first of several windows"),
        pytest.param({"WindowCenter": 250, "WindowWidth": 0}, [0, 51, 102, 153, 204, 255], id="impossible window"),
        pytest.param(
            {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 400, "WindowWidth": 201},
            [0, 0, 1, 255, 255, 255],
            id="rescaled before the window",
        ),
        pytest.param({"RescaleSlope": -1, "RescaleIntercept": 0}, [255, 204, 153, 102, 51, 0], id="negative slope"),
        pytest.param({"PixelPaddingValue": 500}, [0, 64, 128, 191, 255, 255], id="padding does not count"),
        pytest.param({"PixelPaddingValue": 400, "PixelPaddingRangeLimit": 500}, [0, 85, 170, 255, 255, 255], id="nor does its range"),
        pytest.param({"VOILUTSequence": lookup_table([0, 10, 255], first=199)}, [0, 0, 10, 255, 255, 255], id="VOI LUT"),
        pytest.param({"VOILUTSequence": lookup_table([0, 4095], first=250, bits=12)}, [0, 0, 0, 255, 255, 255], id="VOI LUT of 12 bits"),
        pytest.param(
            {"VOILUTSequence": lookup_table([9], first=0), "WindowCenter": 250, "WindowWidth": 1},
            [0, 0, 0, 255, 255, 255],
            id="a window goes before a VOI LUT",
        ),
        pytest.param({"ModalityLUTSequence": lookup_table([0, 100, 50], first=199, bits=8)}, [0, 0, 255, 128, 128, 128], id="Modality LUT"),
    ],
)
def test_shades_of_grey(attributes: dict[str, Any], expected: list[int]) -> None:
    shades = shades_of(np.arange(0, 600, 100, dtype="u2"), **attributes)
    assert np.abs(np.array(shades) - expected).max() <= 1, shades


def test_signed_values_keep_their_order() -> None:
    assert shades_of(np.array([-1000, -500, 0, 1000], "i2")) == [0, 64, 128, 255]
    assert shades_of(np.array([-128, 0, 127], "i1")) == [0, 128, 255]


def test_padding_of_signed_values_may_be_written_unsigned() -> None:
    dataset = read_dataset(make_file(np.array([[[-2000, 0, 1000]]], "i2")))
    dataset.add_new(0x00280120, "US", 63536)
    target = BytesIO()
    dataset.save_as(target)
    content = target.getvalue()
    assert png_of(StoredFile.of(content))[0].tolist() == [0, 0, 255]


def test_bits_that_are_not_stored_are_not_shown() -> None:
    samples = np.array([0x0000, 0x0100, 0x01FF, 0xF1FF], "u2")
    assert shades_of(samples, BitsStored=9) == [0, 128, 255, 255]
    assert shades_of(np.array([0x07FF, 0x0FFF, 0x0000], "i2"), BitsStored=12) == [255, 0, 0]


@pytest.mark.parametrize("dtype", ["u4", "i4"])
def test_wide_samples_are_windowed(dtype: str) -> None:
    samples = np.array([0, 1_000_000, 2_000_000], dtype)
    assert shades_of(samples) == [0, 128, 255]
    assert shades_of(samples, WindowCenter=1_000_000, WindowWidth=1) == [0, 255, 255]


def test_a_picture_of_one_value_is_a_picture() -> None:
    assert len(set(shades_of(np.full(4, 7, "u2")))) == 1
    assert len(set(shades_of(np.full(4, 7, "u2"), PixelPaddingValue=7))) == 1


@pytest.mark.parametrize("keyword", ["FloatPixelData", "DoubleFloatPixelData"])
def test_floating_point_pixels(keyword: str) -> None:
    samples = np.array([-1.5, 0.0, 1.5, np.nan, 9999.0], "f4" if keyword == "FloatPixelData" else "f8")
    padding: dict[str, Any] = {"FloatPixelPaddingValue" if keyword == "FloatPixelData" else "DoubleFloatPixelPaddingValue": 9999.0}
    dataset = read_dataset(make_file(np.zeros((1, 1, 5), "u2"), BitsAllocated=samples.itemsize * 8, **padding))
    del dataset.PixelData
    setattr(dataset, keyword, samples.tobytes())
    target = BytesIO()
    dataset.save_as(target)
    assert png_of(StoredFile.of(target.getvalue()))[0].tolist() == [0, 128, 255, 128, 255]


@pytest.mark.parametrize("value", [0, 1])
def test_single_bits_are_black_and_white(value: int) -> None:
    packed = np.packbits(np.full(16, value, "u1"), bitorder="little").tobytes()
    content = make_file(np.zeros((1, 2, 8), "u1"), BitsAllocated=1, BitsStored=1, PixelData=packed)
    assert set(png_of(StoredFile.of(content)).reshape(-1).tolist()) == {255 * value}


def test_each_frame_has_its_own_window_and_rescaling() -> None:
    samples = np.array([[[0, 100, 200]], [[0, 100, 200]], [[0, 100, 200]]], "u2")
    own = [
        item(FrameVOILUTSequence=item(WindowCenter=100, WindowWidth=1))[0],
        item(PixelValueTransformationSequence=item(RescaleSlope=1, RescaleIntercept=50, RescaleType="US"))[0],
        Dataset(),
    ]
    file = StoredFile.of(
        make_file(
            samples,
            PerFrameFunctionalGroupsSequence=Sequence(own),
            SharedFunctionalGroupsSequence=item(FrameVOILUTSequence=item(WindowCenter=200, WindowWidth=1)),
        )
    )
    assert [png_of(file, frame)[0].tolist() for frame in (1, 2, 3)] == [[0, 255, 255], [0, 0, 255], [0, 0, 255]]


def test_a_window_of_the_request_goes_first() -> None:
    options = RenderOptions(media_type="image/png", window=parse_window("250,200,linear-exact"))
    samples = np.arange(0, 600, 100, dtype="u2")
    assert shades_of(samples, options, WindowCenter=1, WindowWidth=1) == [0, 0, 64, 191, 255, 255]


def _palette(bits: int, entries: list[int], first: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        table = np.roll(entries, number)
        found[f"{colour}PaletteColorLookupTableDescriptor"] = [len(entries), first, bits]
        found[f"{colour}PaletteColorLookupTableData"] = table.astype("u1" if bits == 8 else "<u2").tobytes()
    return found


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_palettes(bits: int, dtype: str) -> None:
    entries = [value << (bits - 8) for value in (10, 20, 30, 40)]
    samples = np.array([[[0, 1, 2, 3, 4, 9]]], dtype)
    picture = png_of(StoredFile.of(make_file(samples, **_palette(bits, entries, first=1))))
    assert picture[0].tolist() == [[10, 40, 30], [10, 40, 30], [20, 10, 40], [30, 20, 10], [40, 30, 20], [40, 30, 20]]


def test_a_palette_of_sixteen_bits_that_holds_eight() -> None:
    picture = png_of(StoredFile.of(make_file(np.array([[[0, 1]]], "u1"), **_palette(16, [0, 200]))))
    assert picture[0].tolist() == [[0, 200, 0], [200, 0, 200]]


def _segmented(segments: list[int], length: int, bits: int = 16) -> dict[str, Any]:
    found: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for colour in ("Red", "Green", "Blue"):
        found[f"{colour}PaletteColorLookupTableDescriptor"] = [length, 0, bits]
        data = np.array(segments, "u1" if bits == 8 else "<u2").tobytes()
        found[f"Segmented{colour}PaletteColorLookupTableData"] = data
    return found


@pytest.mark.parametrize("bits", [8, 16])
def test_segmented_palettes(bits: int) -> None:
    scale = 1 << (bits - 8)
    width = bits // 8
    reference = [(2 + 2 + 3) * width, 0] if bits == 16 else [0, 0, 0, 0]
    segments = [0, 2, 5 * scale, 10 * scale, 1, 4, 50 * scale, 2, 1, *([0, 0] if bits == 16 else reference)]
    samples = np.arange(8, dtype="u1").reshape(1, 1, 8)
    picture = png_of(StoredFile.of(make_file(samples, **_segmented(segments, 8, bits))))
    assert picture[0, :, 0].tolist() == [5, 10, 20, 30, 40, 50, 5, 10]


@pytest.mark.parametrize(
    "segments",
    [[], [1, 3, 7], [0, 0], [2, 9, 0, 0], [9, 1, 1], [0, 1, 5, 2, 65535, 3, 0], [0, 1, 5, 1, 4]],
    ids=["none", "line first", "empty run", "reference first", "unknown", "reference to itself", "no end"],
)
def test_a_damaged_segmented_palette_is_refused(segments: list[int]) -> None:
    file = StoredFile.of(make_file(np.zeros((1, 2, 2), "u1"), **_segmented(segments, 16)))
    with pytest.raises(CodecError):
        png_of(file)


def test_a_palette_is_needed_for_palette_colour() -> None:
    with pytest.raises(CodecError, match="palette"):
        png_of(StoredFile.of(make_file(np.zeros((1, 2, 2), "u1"), PhotometricInterpretation="PALETTE COLOR")))
    with pytest.raises(CodecError, match="palette"):
        png_of(StoredFile.of(make_file(np.zeros((1, 2, 2), "u4"), **_palette(8, [1, 2]))))


def test_ybr_becomes_rgb() -> None:
    samples = np.random.default_rng(1).integers(0, 255, (1, 16, 16, 3)).astype("u1")
    picture = png_of(StoredFile.of(make_file(samples, PhotometricInterpretation="YBR_FULL")))
    expected = convert_color_space(samples[0], "YBR_FULL", "RGB")
    assert np.abs(picture.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("ybr", "rgb"), [([16, 128, 128], 0), ([235, 128, 128], 255), ([126, 128, 128], 128)])
def test_partial_range_ybr_becomes_rgb(ybr: list[int], rgb: int) -> None:
    y, cb, cr = ybr
    content = make_file(np.zeros((1, 1, 2, 3), "u1"), PhotometricInterpretation="YBR_PARTIAL_422", PixelData=bytes([y, y, cb, cr]))
    assert png_of(StoredFile.of(content)).tolist() == [[[rgb] * 3] * 2]


@pytest.mark.parametrize(("dtype", "stored", "value"), [("u2", 16, 0xFF00), ("u2", 12, 0xFF0), ("u1", 4, 15), ("u4", 32, 0xFF000000)])
def test_colours_of_other_depths_become_eight_bits(dtype: str, stored: int, value: int) -> None:
    samples = np.full((1, 2, 2, 3), value, dtype)
    assert png_of(StoredFile.of(make_file(samples, BitsStored=stored))).min() == 255


def test_colour_spaces_that_cannot_be_shown_are_refused() -> None:
    with pytest.raises(CodecError, match="colour space"):
        png_of(StoredFile.of(make_file(np.zeros((1, 2, 2, 4), "u1"), PhotometricInterpretation="CMYK")))


@pytest.mark.parametrize(
    ("viewport", "size", "corner"),
    [
        ("50,50", (50, 25), None),
        ("400,400", (400, 200), None),
        ("100,50,0,0,10,5", (100, 50), 0),
        ("100,50,,,,", (100, 50), None),
        ("100,50,50,25", (100, 50), None),
        ("50,50,90,0,50,50", (10, 50), None),
        ("1,1", (1, 1), None),
    ],
)
def test_viewport_scales_a_region(viewport: str, size: tuple[int, int], corner: int | None) -> None:
    samples = np.zeros((1, 50, 100), "u1")
    samples[:, 25:] = 255
    options = RenderOptions(media_type="image/png", viewport=parse_viewport(viewport))
    picture = png_of(StoredFile.of(make_file(samples)), options=options)
    assert picture.shape == size[::-1]
    if corner is not None:
        assert picture[0, 0] == corner


@pytest.mark.parametrize(("viewport", "quadrant"), [("4,4,0,0,-4,4", (0, 1)), ("4,4,0,0,4,-4", (1, 0)), ("4,4,0,0,-4,-4", (1, 1))])
def test_negative_sizes_mirror(viewport: str, quadrant: tuple[int, int]) -> None:
    samples = np.zeros((1, 4, 4), "u1")
    samples[0, :2, :2] = 255
    options = RenderOptions(media_type="image/png", viewport=parse_viewport(viewport))
    picture = png_of(StoredFile.of(make_file(samples)), options=options)
    assert picture[3 * quadrant[0], 3 * quadrant[1]] == 255
    assert picture[3 - 3 * quadrant[0], 3 - 3 * quadrant[1]] == 0


def test_a_viewport_outside_of_the_image_is_a_bad_request() -> None:
    options = RenderOptions(viewport=parse_viewport("10,10,100,0,5,5"))
    with pytest.raises(BadRequestError, match="viewport"):
        png_of(StoredFile.of(make_file(np.zeros((1, 4, 4), "u1"))), options=options)


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({}, (128, 64)),
        ({"PixelSpacing": [2, 1]}, (128, 128)),
        ({"ImagerPixelSpacing": [1, 2]}, (128, 32)),
        ({"PixelAspectRatio": [1, 2]}, (128, 32)),
        ({"PixelSpacing": [1000, 1]}, (128, 64)),
        ({"PixelSpacing": [0, 1]}, (128, 64)),
    ],
)
def test_thumbnails_have_the_proportions_of_the_patient(attributes: dict[str, Any], size: tuple[int, int]) -> None:
    file = StoredFile.of(make_file(np.zeros((1, 100, 200), "u1"), **attributes))
    assert png_of(file, options=RenderOptions(media_type="image/png", viewport=THUMBNAIL)).shape == size[::-1]
    assert png_of(file).shape == (100, 200)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/gif"])
@pytest.mark.parametrize("name", ["CT_small.dcm", "examples_rgb_color.dcm"])
def test_media_types(media_type: str, name: str) -> None:
    file = bundled(name)
    content = render(
        file.frame(1),
        file.header.transfer_syntax_uid,
        file.pixels,
        Attributes.of(file.header),
        RenderOptions(media_type=media_type),
    )
    picture = Image.open(BytesIO(content))
    assert Image.MIME[str(picture.format)] == media_type
    assert picture.size == (file.pixels.columns, file.pixels.rows)


def test_annotations_are_in_the_corners() -> None:
    names = {"PatientName": "M\u00fcller^J=\u5c71", "SeriesDescription": "T2 = 1", "SpecificCharacterSet": "ISO_IR 192"}
    file = StoredFile.of(make_file(np.zeros((2, 200, 300), "u1"), WindowCenter=100, WindowWidth=10, **names))

    def drawn(*annotations: str, frame: int = 1) -> Samples:
        return png_of(file, frame, RenderOptions("image/png", annotations=annotations)) > 0

    patient, technique = drawn("patient"), drawn("technique")
    assert patient[:50].any()
    assert not patient[100:].any()
    assert technique[150:].any()
    assert not technique[:100].any()
    np.testing.assert_array_equal(drawn("patient", "technique"), patient | technique)
    assert (drawn("technique", frame=2) != technique).any()
    assert not drawn().any()


def test_annotations_spell_names_in_letters_of_ascii() -> None:
    def drawn(name: str) -> Samples:
        file = StoredFile.of(make_file(np.zeros((1, 99, 99), "u1"), PatientName=name, SpecificCharacterSet="ISO_IR 192"))
        return png_of(file, options=RenderOptions("image/png", annotations=("patient",)))

    np.testing.assert_array_equal(drawn("M\u00fcller^J=\u5c71"), drawn("Muller J"))
    np.testing.assert_array_equal(drawn("\u5c71^A"), drawn("? A"))


def test_quality_decides_on_the_size_of_a_jpeg() -> None:
    file = bundled("examples_rgb_color.dcm")
    sizes = [
        len(render(file.frame(1), file.header.transfer_syntax_uid, file.pixels, Attributes.of(file.header), RenderOptions(quality=quality)))
        for quality in (1, 50, 90, 100)
    ]
    assert sizes == sorted(set(sizes))


def test_an_animation_has_all_frames_at_their_rate() -> None:
    file = bundled("examples_ybr_color.dcm")
    options = RenderOptions(media_type="image/gif", viewport=THUMBNAIL)
    frames = ((number, file.frame(number)) for number in range(1, 6))
    attributes = Attributes.of(file.header)
    content = render_animation(frames, file.header.transfer_syntax_uid, file.pixels, attributes, options)
    picture = Image.open(BytesIO(content))
    assert getattr(picture, "n_frames", 1) == 5
    assert picture.info["duration"] // 10 == frame_duration(attributes) // 10
    with pytest.raises(CodecError):
        render_animation(iter(()), file.header.transfer_syntax_uid, file.pixels, attributes, options)


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ({}, 100),
        ({"FrameTime": 40}, 40),
        ({"CineRate": 25}, 40),
        ({"RecommendedDisplayFrameRate": 10}, 100),
        ({"FrameTime": 1e9}, 10_000),
        ({"CineRate": 0}, 100),
    ],
)
def test_frame_duration(attributes: dict[str, Any], milliseconds: int) -> None:
    file = StoredFile.of(make_file(np.zeros((1, 2, 2), "u1"), **attributes))
    assert frame_duration(Attributes.of(file.header)) == milliseconds


def test_voi_lut_equals_pydicoms() -> None:
    entries = (np.linspace(0, 1, 256) ** 2 * 65535).astype(int).tolist()
    samples = np.arange(-100, 400, dtype="i2").reshape(1, 20, 25)
    content = make_file(samples, VOILUTSequence=lookup_table(entries, first=20, bits=16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.asarray(apply_voi(samples[0], read_dataset(content))) / 65535 * 255
    assert np.abs(png_of(StoredFile.of(content)) - expected).max() <= 1
