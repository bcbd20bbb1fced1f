"""Whatever bytes come in: a parsed file, or one of the two errors, and never much time."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from dicom_core.dicom.document import assemble
from dicom_core.dicom.examination import examine
from dicom_core.dicom.part10 import NeedMoreBytes, NotDicom, TrailerScanner, read_header
from tests.dicom.bundled import path
from tests.dicom.factories import make_instance

RICH: dict[str, Any] = {
    "SpecificCharacterSet": ["", "ISO 2022 IR 87"],
    "StudyDate": "20200101",
    "ReferencedStudySequence": [{"ReferencedSOPClassUID": "1.2", "ProcedureCodeSequence": [{"CodeMeaning": "x"}]}],
    "PatientWeight": "70.5",
    "LUTDescriptor": [1, 2, 3],
    "RescaleSlope": "1",
}
FILES = [
    make_instance(transfer_syntax=syntax, rows=3, columns=3, frames=2, **RICH)
    for syntax in ("1.2.840.10008.1.2.1", ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit)
]
BUNDLED = [
    path(name).read_bytes()[:8000] for name in ("nested_priv_SQ.dcm", "UN_sequence.dcm", "chrSQEncoding.dcm", "test-SR.dcm", "rtplan.dcm")
]
LENGTHS = [0, 1, 7, 0x4141, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF]


def survive(data: bytes) -> None:
    """Read a file whole, and as a stream; check and encode what can be read."""
    try:
        header = read_header(data, complete=True)
    except NotDicom:
        pass
    else:
        for lenient in (True, False):
            json.loads(assemble(examine(header, lenient=lenient, study="1.2").fragments))
    try:
        header = read_header(data, complete=False)
        if header.pixel_data is not None and not header.deflated:
            scanner = TrailerScanner(header)
            scanner.feed(data[header.pixel_data.offset :])
            scanner.finish()
    except (NotDicom, NeedMoreBytes):
        pass


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES + BUNDLED), st.data())
def test_flipped_bytes(original: bytes, data: st.DataObject) -> None:
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(128, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    survive(bytes(damaged))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES + BUNDLED), st.data())
def test_absurd_lengths(original: bytes, data: st.DataObject) -> None:
    damaged = bytearray(original)
    position = data.draw(st.integers(132, len(damaged) - 4))
    damaged[position : position + 4] = struct.pack("<L", data.draw(st.sampled_from(LENGTHS)))
    survive(bytes(damaged))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(FILES + BUNDLED), st.data())
def test_pieces_cut_out_and_doubled(original: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(132, len(original)))
    end = data.draw(st.integers(start, len(original)))
    survive(original[:start] + original[end:])
    survive(original[:end] + original[start:])


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300), st.sampled_from(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"])
)
def test_random_data_sets(data_set: bytes, syntax: str) -> None:
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(syntax)) + syntax.encode()
    survive(bytes(128) + b"DICM" + meta + data_set)


@pytest.mark.parametrize("original", FILES + BUNDLED[:2])
def test_every_truncation_is_an_error_or_a_shorter_file(original: bytes) -> None:
    for end in range(0, len(original), 3):
        survive(original[:end])


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_large_hostile_files_take_linear_time(syntax: str) -> None:
    """Each of these would take minutes if anything were quadratic."""
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(syntax)) + syntax.encode()
    size = 2_000_000
    ambiguous = b"\x28\x00\x06\x01\x02\0\0\0\1\0"
    unit = [
        b"\x28\x00\x06\x01US\0\0" if syntax.endswith(".1") else ambiguous,
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
        b"\x08\x00\x15\x11\0\0\0\0",
        b"\x09\x00\x10\x00LO\0\0",
    ]
    for piece in unit:
        survive(bytes(128) + b"DICM" + meta + piece * (size // len(piece) // 4))
    survive(bytes(128) + b"DICM" + meta + random.Random(1).randbytes(size))


@pytest.mark.parametrize("vr", ["DS", "IS", "PN", "DT", "UI", "LO", "AE", "TM", "UC", "CS"])
@pytest.mark.parametrize("unit", [b"0", b" ", b"=", b"^", b"\\", b"-", b".0", b"1\\", b"\x1b$B", b"\0"])
def test_long_hostile_values_take_linear_time(vr: str, unit: bytes) -> None:
    length = 60_000 // len(unit) * len(unit) & ~1
    value = (unit * 60_000)[: length - 2] + b"x!"
    data = make_instance(SpecificCharacterSet=["", "ISO 2022 IR 87"], raw_elements=[(0x00400244, vr, value)])
    survive(data)
