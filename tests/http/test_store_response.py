from __future__ import annotations

import json
from typing import Any

import pytest

from dicom_core.http.store_response import store_document, store_status, store_warnings
from dicom_core.store.report import FailedItem, StoredItem, StoreReport

_STORED = StoredItem("1.2.840.10008.5.1.4.1.1.7", "2.25.1", "2.25.2", "2.25.3", None, ())
_WARNED = StoredItem("1.2", "2.25.1", "2.25.2", "2.25.4", 1, ("DICOM100: (0008,0020) - x",))
_IMPLICIT = StoredItem("1.2", "2.25.1", "2.25.2", "2.25.5", 45063, ())
_DUPLICATE = FailedItem("1.2", "2.25.3", 45070, ())
_UNREADABLE = FailedItem(None, None, 43264, ())
_INVALID = FailedItem("1.2", "x y", 43264, ("DICOM100: (0010,0020) - y",))


def _report(*items: StoredItem | FailedItem, multi_valued: frozenset[str] = frozenset()) -> StoreReport:
    return StoreReport(list(items), multi_valued)


@pytest.mark.parametrize(
    ("items", "strict", "lenient"),
    [
        ((), 204, 204),
        ((_STORED,), 200, 200),
        ((_STORED, _WARNED), 200, 202),
        ((_IMPLICIT,), 200, 202),
        ((_STORED, _DUPLICATE), 202, 202),
        ((_DUPLICATE, _UNREADABLE), 409, 409),
    ],
)
def test_status(items: tuple[StoredItem | FailedItem, ...], strict: int, lenient: int) -> None:
    assert store_status(_report(*items), lenient=False) == strict
    assert store_status(_report(*items), lenient=True) == lenient


def _document(*items: StoredItem | FailedItem, study: str | None = None, lenient: bool = True) -> Any:
    return json.loads(store_document(_report(*items), "https://h/v2", study=study, lenient=lenient))


def test_stored_item() -> None:
    assert _document(_WARNED) == {
        "00081199": {
            "vr": "SQ",
            "Value": [
                {
                    "00081150": {"vr": "UI", "Value": ["1.2"]},
                    "00081155": {"vr": "UI", "Value": ["2.25.4"]},
                    "00081190": {"vr": "UR", "Value": ["https://h/v2/studies/2.25.1/series/2.25.2/instances/2.25.4"]},
                    "00081196": {"vr": "US", "Value": [1]},
                    "00741048": {"vr": "SQ", "Value": [{"00000902": {"vr": "LO", "Value": ["DICOM100: (0008,0020) - x"]}}]},
                }
            ],
        }
    }


@pytest.mark.parametrize(("lenient", "expected"), [(True, {"vr": "SQ"}), (False, None)])
def test_failed_attributes_of_a_stored_item_without_any(lenient: bool, expected: dict[str, str] | None) -> None:
    [item] = _document(_STORED, lenient=lenient)["00081199"]["Value"]
    assert item.get("00741048") == expected
    assert "00081196" not in item


def test_failed_items_are_in_the_order_of_the_request() -> None:
    items = _document(_UNREADABLE, _STORED, _INVALID, _DUPLICATE)["00081198"]["Value"]
    assert [item["00081197"]["Value"] for item in items] == [[43264], [43264], [45070]]
    assert [item.get("00081155") for item in items] == [None, {"vr": "UI", "Value": ["x y"]}, {"vr": "UI", "Value": ["2.25.3"]}]
    assert ["00741048" in item for item in items] == [False, True, False]


@pytest.mark.parametrize("lenient", [True, False])
def test_members_are_sorted(lenient: bool) -> None:
    document = _document(_INVALID, _WARNED, study="2.25.1", lenient=lenient)
    assert list(document) == ["00081190", "00081198", "00081199"]
    for sequence in ("00081198", "00081199"):
        [item] = document[sequence]["Value"]
        assert list(item) == sorted(item)


@pytest.mark.parametrize(("items", "present"), [((_STORED,), True), ((_DUPLICATE,), False)])
def test_url_of_the_study(items: tuple[StoredItem | FailedItem, ...], *, present: bool) -> None:
    document = _document(*items, study="2.25.1")
    assert document.get("00081190") == ({"vr": "UR", "Value": ["https://h/v2/studies/2.25.1"]} if present else None)
    assert "00081190" not in _document(*items)


def test_warning_names_attributes_with_several_values() -> None:
    assert store_warnings(_report(_STORED)) == []
    [text] = store_warnings(_report(_STORED, multi_valued=frozenset(("StudyDate", "Modality"))))
    assert "Modality, StudyDate" in text
    assert text[0] == text[-1] == '"'
