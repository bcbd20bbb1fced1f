"""What a store request is answered: the outcome as a DICOM JSON object, and the status that sums it up.

Standard: PS3.18 10.5.3, Annex I
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from dicom_core.store.report import FailedItem, StoredItem, StoreReport

__all__ = ["store_document", "store_status", "store_warnings"]

_RETRIEVE_URL: Final = "00081190"
_SOP_CLASS: Final = "00081150"
_SOP_INSTANCE: Final = "00081155"
_WARNING_REASON: Final = "00081196"
_FAILURE_REASON: Final = "00081197"
_FAILED: Final = "00081198"
_REFERENCED: Final = "00081199"
_FAILED_ATTRIBUTES: Final = "00741048"
_ERROR_COMMENT: Final = "00000902"

_Element = dict[str, Any]
_Item = dict[str, _Element]


def store_status(report: StoreReport, *, lenient: bool) -> int:
    """200 when everything is stored, 409 when nothing is, 202 in between, and 204 when there was nothing to store.

    `lenient`, as in version 2 of the API, counts a warning as in between.
    """
    if not report.items:
        return 204
    failed = sum(isinstance(item, FailedItem) for item in report.items)
    if failed == len(report.items):
        return 409
    warned = lenient and any(isinstance(item, StoredItem) and item.warning is not None for item in report.items)
    return 202 if failed or warned else 200


def store_document(report: StoreReport, base_url: str, *, study: str | None, lenient: bool) -> bytes:
    """The response document. `study` is the one that the request was restricted to; `lenient` as for `store_status`."""
    stored = [_stored(item, base_url, lenient=lenient) for item in report.items if isinstance(item, StoredItem)]
    failed = [_failed(item) for item in report.items if isinstance(item, FailedItem)]
    document: _Item = {}
    if study is not None and stored:
        document[_RETRIEVE_URL] = _element("UR", f"{base_url}/studies/{study}")
    if failed:
        document[_FAILED] = {"vr": "SQ", "Value": failed}
    if stored:
        document[_REFERENCED] = {"vr": "SQ", "Value": stored}
    return orjson.dumps(document)


def store_warnings(report: StoreReport) -> list[str]:
    """What clients should be told beside the outcome: which attributes have more values than the one that can be searched for."""
    if not report.multi_valued:
        return []
    return [f'"Only the first value of these attributes is indexed: {", ".join(sorted(report.multi_valued))}."']


def _stored(item: StoredItem, base_url: str, *, lenient: bool) -> _Item:
    url = f"{base_url}/studies/{item.study}/series/{item.series}/instances/{item.instance}"
    result = {
        _SOP_CLASS: _element("UI", item.sop_class),
        _SOP_INSTANCE: _element("UI", item.instance),
        _RETRIEVE_URL: _element("UR", url),
    }
    if item.warning is not None:
        result[_WARNING_REASON] = _element("US", int(item.warning))
    if lenient:
        result[_FAILED_ATTRIBUTES] = _failed_attributes(item.messages)
    return result


def _failed(item: FailedItem) -> _Item:
    result: _Item = {}
    if item.sop_class is not None:
        result[_SOP_CLASS] = _element("UI", item.sop_class)
    if item.instance is not None:
        result[_SOP_INSTANCE] = _element("UI", item.instance)
    result[_FAILURE_REASON] = _element("US", int(item.reason))
    if item.messages:
        result[_FAILED_ATTRIBUTES] = _failed_attributes(item.messages)
    return result


def _failed_attributes(messages: tuple[str, ...]) -> _Element:
    if not messages:
        return {"vr": "SQ"}
    return {"vr": "SQ", "Value": [{_ERROR_COMMENT: _element("LO", message)} for message in messages]}


def _element(vr: str, value: str | int) -> _Element:
    return {"vr": vr, "Value": [value]}
