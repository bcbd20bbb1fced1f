from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_core.dicom.bulk_data import bulk_list, parse_bulk_list, with_bulk_data_uris
from dicom_core.dicom.document import assemble
from dicom_core.dicom.elements import Element
from dicom_core.dicom.json_model import Bulk, encode
from dicom_core.dicom.part10 import read_header
from tests.dicom.bundled import READABLE, path

_BULK = st.builds(Bulk, st.text("0123456789ABCDEF/", min_size=8), st.sampled_from(["OB", "UN"]), st.integers(0), st.none() | st.integers(0))


@given(st.lists(_BULK))
def test_list_survives(bulk: list[Bulk]) -> None:
    assert parse_bulk_list(bulk_list(bulk)) == bulk


@pytest.mark.parametrize("name", READABLE)
def test_every_element_is_there(name: str) -> None:
    header = read_header(path(name).read_bytes(), complete=True)
    encoded = encode(header)
    document = with_bulk_data_uris(assemble(encoded.fragments), encoded.bulk, "u")
    expected = _tree(header.elements)
    if header.pixel_data is not None:
        expected[f"{header.pixel_data.tag:08X}"] = []
    assert _tags(json.loads(document)) == expected


def _tree(elements: list[Element]) -> dict[str, Any]:
    """The tags of a data set and of its items."""
    kept = [element for element in elements if element.tag & 0xFFFF]
    return {f"{each.tag:08X}": list(map(_tree, each.value)) if isinstance(each.value, list) else [] for each in kept}


def _tags(data_set: dict[str, Any]) -> dict[str, Any]:
    """The same of DICOM JSON."""
    return {tag: list(map(_tags, each.get("Value", []))) if each["vr"] == "SQ" else [] for tag, each in data_set.items()}


def test_what_validation_has_dropped_stays_away() -> None:
    document = b'{"00081110":{"vr":"SQ","Value":[{"00100020":{"vr":"LO"}}]}}'
    bulk = [Bulk("00081110/1/00081115/1/00091001", "OB", 0, 4), Bulk("00081120/1/00091001", "OB", 4, 4)]
    assert json.loads(with_bulk_data_uris(document, bulk, "u")) == json.loads(document)


def test_order_inside_of_items() -> None:
    document = b'{"00081110":{"vr":"SQ","Value":[{},{"00091000":{"vr":"LO"},"00100020":{"vr":"LO"}}]}}'
    bulk = [Bulk(f"00081110/2/{tag}", "OB", 0, length) for tag, length in (("00091001", 4), ("00080001", 0), ("7FE00010", None))]
    assert with_bulk_data_uris(document, bulk, "u") == (
        b'{"00081110":{"vr":"SQ","Value":[{},{"00080001":{"vr":"OB"},"00091000":{"vr":"LO"},'
        b'"00091001":{"vr":"OB","BulkDataURI":"u/00081110.2.00091001"},"00100020":{"vr":"LO"},'
        b'"7FE00010":{"vr":"OB","BulkDataURI":"u/00081110.2.7FE00010"}}]}}'
    )
