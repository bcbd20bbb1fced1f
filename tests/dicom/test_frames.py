"""Byte layouts of frames, held against pydicom's own answers."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.pixels.decoders.base import get_decoder

from dicom_core.dicom.elements import Fragments, PixelDataElement
from dicom_core.dicom.frames import FrameLayout, encapsulated_layout, native_layout, parse_frame_layout
from dicom_core.dicom.pixel_module import PixelModule
from dicom_core.dicom.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN
from dicom_core.errors import NotAcceptableError, NotFoundError
from tests.dicom.pixel_files import BUNDLED, bundled, make_file, read_dataset
from tests.dicom.pixel_files import StoredFile as Stored

JPEG = "1.2.840.10008.1.2.4.50"
UNKNOWN = "1.2.3.4"
START = 1000


def pixel_data(length: int | None, vr: str = "OW") -> PixelDataElement:
    return PixelDataElement(0x7FE00010, vr, START, length)


def fragments_of(lengths: Sequence[int], offset_table: bytes = b"") -> Fragments:
    fragments, position = Fragments(offset_table), START
    for length in lengths:
        fragments.offsets.append(position)
        fragments.lengths.append(length)
        position += length + 8
    return fragments


def scanned(pixel_bytes: bytes) -> Fragments:
    """Find the fragments of encapsulated Pixel Data that lies at offset 0."""
    found: list[tuple[int, int]] = []
    position = 0
    while pixel_bytes[position : position + 4] == b"\xfe\xff\x00\xe0":
        length = int.from_bytes(pixel_bytes[position + 4 : position + 8], "little")
        found.append((position + 8, length))
        position += 8 + length
    table_at, table_length = found[0]
    return Fragments(
        pixel_bytes[table_at : table_at + table_length],
        array("Q", (offset for offset, _ in found[1:])),
        array("I", (length for _, length in found[1:])),
    )


def lengths_by_frame(layout: FrameLayout) -> list[list[int]]:
    ranges = layout.frame_ranges(range(1, layout.number_of_frames + 1))
    return [[length for _, length in frame] for frame in ranges]


def module(**attributes: Any) -> PixelModule:
    return PixelModule(**{"rows": 4, "columns": 5, "bits_allocated": 8, "bits_stored": 8, **attributes})


@pytest.mark.parametrize("name", BUNDLED)
def test_frames_of_bundled_files_are_those_that_pydicom_finds(name: str) -> None:
    file = bundled(name)
    dataset = read_dataset(BUNDLED[name].read_bytes())
    if file.header.fragments is not None:
        expected = list(generate_frames(dataset.PixelData, number_of_frames=file.pixels.number_of_frames))
    else:
        size = file.pixels.frame_bytes
        expected = [dataset.PixelData[at : at + size] for at in range(0, size * file.pixels.number_of_frames, size)]
    stored = [
        file.layout.cut(number, b"".join(file.read(*where) for where in ranges), stored_order=True)
        for number, ranges in enumerate(file.layout.frame_ranges(range(1, file.layout.number_of_frames + 1)), 1)
    ]
    assert stored == expected


@given(
    st.lists(st.binary(min_size=8, max_size=60).map(lambda data: data + b"\0" * (len(data) % 2)), min_size=1, max_size=9),
    st.integers(1, 4),
)
def test_encapsulated_frames_with_an_offset_table_equal_pydicoms(frames: list[bytes], fragments_per_frame: int) -> None:
    content = encapsulate(frames, fragments_per_frame=fragments_per_frame, has_bot=True)
    layout = encapsulated_layout(module(number_of_frames=len(frames)), JPEG, scanned(content))
    layout = parse_frame_layout(layout.to_bytes())
    assert layout.number_of_frames == len(frames)
    found = [b"".join(content[at : at + size] for at, size in ranges) for ranges in layout.frame_ranges(range(1, len(frames) + 1))]
    assert found == list(generate_frames(content, number_of_frames=len(frames)))


def test_extended_offset_table_groups_fragments() -> None:
    fragments = fragments_of([10, 20, 30, 40])
    extended = array("Q", [0, 10 + 8 + 20 + 8]).tobytes()
    layout = encapsulated_layout(module(number_of_frames=2), JPEG, fragments, extended_offset_table=extended)
    assert lengths_by_frame(layout) == [[10, 20], [30, 40]]


def test_extended_offset_table_of_pydicom_gives_its_frames() -> None:
    frames = [bytes([number]) * (2 * number) for number in range(1, 6)]
    content, offsets, _ = encapsulate_extended(frames)
    layout = encapsulated_layout(module(number_of_frames=5), JPEG, scanned(content), extended_offset_table=offsets)
    assert [content[at : at + size] for ((at, size),) in layout.frame_ranges(range(1, 6))] == frames


@pytest.mark.parametrize(
    ("lengths", "table", "frames", "first_bytes", "expected"),
    [
        pytest.param([4, 6, 8], [], 3, b"", [[4], [6], [8]], id="one fragment for each frame"),
        pytest.param([4, 6, 8], [0, 99, 7], 3, b"", [[4], [6], [8]], id="one for each, and a wrong table"),
        pytest.param([4, 6, 8], [], 1, b"", [[4, 6, 8]], id="one frame of many fragments"),
        pytest.param([4, 6, 8], [0], 1, b"", [[4, 6, 8]], id="one frame of many fragments, with table"),
        pytest.param([4, 6, 8], [3], 1, b"", [[4, 6, 8]], id="one frame and a wrong table"),
        pytest.param([4, 6, 8], [0, 12], 2, b"", [[4], [6, 8]], id="by the table"),
        pytest.param([4, 6, 8], [0, 12], 1, b"", [[4]], id="fewer frames stated than the table has"),
        pytest.param([4, 6], [], 5, b"", [[4], [6]], id="more frames stated than fragments"),
        pytest.param([], [], 5, b"", [], id="no fragments"),
        pytest.param([4, 6, 8], [], 2, b"\xff\xd8\x12\x34\xff\xd8", [[4, 6], [8]], id="by the beginnings of JPEG streams"),
        pytest.param([4, 6, 8], [0, 5], 2, b"\xff\x4f\xff\x4f\x12\x34", [[4], [6, 8]], id="by JPEG 2000 streams, the table wrong"),
    ],
)
def test_fragments_make_up_frames(lengths: list[int], table: list[int], frames: int, first_bytes: bytes, expected: list[list[int]]) -> None:
    fragments = fragments_of(lengths, array("I", table).tobytes())
    layout = encapsulated_layout(module(number_of_frames=frames), JPEG, fragments, first_bytes=first_bytes)
    assert lengths_by_frame(parse_frame_layout(layout.to_bytes())) == expected


@pytest.mark.parametrize("first_bytes", [b"", b"\xff\xd8\x12\x34\x56\x78", b"\x12\x34\xff\xd8\xff\xd8"])
def test_frames_that_cannot_be_told_apart_are_not_acceptable_and_absent_ones_not_found(first_bytes: bytes) -> None:
    layout = encapsulated_layout(module(number_of_frames=2), JPEG, fragments_of([4, 6, 8]), first_bytes=first_bytes)
    layout = parse_frame_layout(layout.to_bytes())
    with pytest.raises(NotAcceptableError):
        layout.frame_ranges([1])
    with pytest.raises(NotFoundError):
        layout.frame_ranges([3])


def test_a_film_is_one_frame_whatever_number_of_frames_says() -> None:
    layout = encapsulated_layout(module(number_of_frames=300), "1.2.840.10008.1.2.4.102", fragments_of([4, 6, 8]))
    assert lengths_by_frame(layout) == [[4, 6, 8]]


@pytest.mark.parametrize(("number", "exists"), [(0, False), (1, True), (3, True), (4, False), (-1, False)])
def test_frames_are_numbered_from_one(number: int, exists: bool) -> None:
    layouts = [
        native_layout(module(number_of_frames=3), EXPLICIT_VR_LITTLE_ENDIAN, pixel_data(60), 9999),
        encapsulated_layout(module(number_of_frames=3), JPEG, fragments_of([4, 6, 8])),
    ]
    for layout in layouts:
        if exists:
            assert len(layout.frame_ranges([number])) == 1
        else:
            with pytest.raises(NotFoundError):
                layout.frame_ranges([number])


@pytest.mark.parametrize(
    ("length", "file_length", "stated", "present"),
    [
        pytest.param(60, START + 60, 3, 3, id="all"),
        pytest.param(59, START + 59, 3, 2, id="too short an element"),
        pytest.param(60, START + 45, 3, 2, id="truncated file"),
        pytest.param(60, START - 5, 3, 0, id="file that ends before"),
        pytest.param(100, START + 100, 3, 3, id="more data than frames"),
    ],
)
def test_native_frames_exist_when_all_of_their_bytes_do(length: int, file_length: int, stated: int, present: int) -> None:
    layout = native_layout(module(number_of_frames=stated), EXPLICIT_VR_LITTLE_ENDIAN, pixel_data(length), file_length)
    assert parse_frame_layout(layout.to_bytes()).number_of_frames == present


@pytest.mark.parametrize(
    ("syntax", "length"), [(EXPLICIT_VR_LITTLE_ENDIAN, None), (JPEG, 60)], ids=["undefined length", "compressed syntax"]
)
def test_pixel_data_against_its_transfer_syntax_is_undetermined(syntax: str, length: int | None) -> None:
    layout = native_layout(module(), syntax, pixel_data(length), 9999)
    with pytest.raises(NotAcceptableError):
        layout.frame_ranges([1])


def test_fragments_against_a_native_transfer_syntax_are_undetermined() -> None:
    with pytest.raises(NotAcceptableError):
        encapsulated_layout(module(), EXPLICIT_VR_LITTLE_ENDIAN, fragments_of([4])).frame_ranges([1])


def test_an_unknown_transfer_syntax_can_be_native_or_encapsulated() -> None:
    assert native_layout(module(), UNKNOWN, pixel_data(20), 9999).frame_ranges([1]) == [[(START, 20)]]
    assert encapsulated_layout(module(), UNKNOWN, fragments_of([4])).frame_ranges([1]) == [[(START, 4)]]


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 12), st.data())
def test_single_bit_frames_begin_anywhere_in_a_byte(rows: int, columns: int, frames: int, data: st.DataObject) -> None:
    bits = np.array(data.draw(st.lists(st.integers(0, 1), min_size=rows * columns * frames, max_size=rows * columns * frames)), "u1")
    content = bytes(START) + np.packbits(bits, bitorder="little").tobytes()
    pixels = module(rows=rows, columns=columns, bits_allocated=1, bits_stored=1, number_of_frames=frames)
    layout = native_layout(pixels, EXPLICIT_VR_LITTLE_ENDIAN, pixel_data(len(content) - START), len(content))
    assert layout.number_of_frames == frames
    for number, ((offset, length),) in enumerate(layout.frame_ranges(range(1, frames + 1)), 1):
        frame = layout.cut(number, content[offset : offset + length])
        expected = bits[(number - 1) * rows * columns : number * rows * columns]
        assert frame == np.packbits(expected, bitorder="little").tobytes()


def test_odd_frames_in_big_endian_words_come_in_order() -> None:
    samples = np.arange(3 * 15, dtype="u1").reshape(3, 3, 5)
    words = np.frombuffer(samples.tobytes() + b"\0", "u2").byteswap().tobytes()
    pixels = module(rows=3, columns=5, number_of_frames=3)
    layout = native_layout(pixels, EXPLICIT_VR_BIG_ENDIAN, pixel_data(len(words)), START + len(words))
    content = bytes(START) + words
    for number, ((offset, length),) in enumerate(layout.frame_ranges([1, 2, 3]), 1):
        assert layout.cut(number, content[offset : offset + length]) == samples[number - 1].tobytes()


def test_uncompressed_shared_chrominance_takes_two_bytes_a_pixel() -> None:
    pixels = bundled("SC_ybr_full_422_uncompressed.dcm").pixels
    assert pixels.frame_bytes == 100 * 100 * 2


def _large_layout(frames: int) -> tuple[FrameLayout, list[int]]:
    numbers = random.Random(7)
    lengths = [numbers.randrange(8_000, 60_000) & ~1 for _ in range(frames)]
    return encapsulated_layout(module(number_of_frames=frames), JPEG, fragments_of(lengths)), lengths


def test_a_layout_of_ten_thousand_frames_fits_a_table_row() -> None:
    layout, lengths = _large_layout(10_000)
    assert len(layout.to_bytes()) < 32 * 1024
    assert parse_frame_layout(layout.to_bytes()).frame_ranges([10_000]) == [[(START + sum(lengths[:-1]) + 8 * 9_999, lengths[-1])]]


def test_chunks_kept_elsewhere_are_read_only_where_frames_need_them() -> None:
    whole, _ = _large_layout(5_000)
    head = parse_frame_layout(whole.head)
    assert len(whole.head) < 200
    for frames in ([1], [5_000], [700, 600], [512, 513], [1, 5_000]):
        missing = head.missing_chunks(frames)
        assert missing is not None
        offset, length = missing
        part = head.with_chunks(offset, whole.chunks[offset : offset + length])
        assert part.missing_chunks(frames) is None
        assert part.frame_ranges(frames) == whole.frame_ranges(frames)
    assert whole.missing_chunks([1, 5_000]) is None
    assert head.missing_chunks([]) is None


def test_layouts_without_chunks_are_all_head() -> None:
    layout = native_layout(module(), EXPLICIT_VR_LITTLE_ENDIAN, pixel_data(20), 9999)
    assert layout.head == layout.to_bytes()
    assert layout.missing_chunks([1]) is None
    assert layout.with_chunks(0, b"") is layout


def test_native_frames_equal_pydicoms() -> None:
    samples = np.arange(4 * 3 * 5, dtype="u2").reshape(4, 3, 5)
    content = make_file(samples)
    file = Stored.of(content)
    dataset = read_dataset(content)
    decoder = get_decoder(dataset.file_meta.TransferSyntaxUID)
    assert file.frames() == [bytes(decoder.as_buffer(dataset, index=index)[0]) for index in range(4)]
