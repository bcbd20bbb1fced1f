"""What the OpenAPI documents say beyond the route table: schemas, examples, and the words of each operation.

Keyed by route name, beside the table rather than in it, so that the table stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

__all__ = [
    "ATTRIBUTE_EXAMPLES",
    "DESCRIPTIONS",
    "ERRORS",
    "GROUPS",
    "PATH_PARAMETERS",
    "RESPONSE_HEADERS",
    "SCHEMAS",
    "Description",
    "JsonObject",
]

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """An operation in words.

    `answers` are by status; `errors` are those that not every operation has. `result` is the schema of answers in JSON,
    `body` that of requests. `headers` are names of `RESPONSE_HEADERS` that answers of success carry.
    """

    group: str
    text: str
    answers: Mapping[int, str]
    errors: tuple[int, ...] = ()
    result: JsonObject | None = None
    example: Any = None
    body: JsonObject | None = None
    headers: tuple[str, ...] = field(default=())


def _schema(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(name: str) -> JsonObject:
    return {"type": "array", "items": _schema(name)}


_UID: Final[JsonObject] = {"type": "string", "maxLength": 64, "pattern": "^[0-9.]*[0-9]$"}

PATH_PARAMETERS: Final[dict[str, JsonObject]] = {
    "partitionName": {
        "description": "Name of a data partition. Storing into an unknown one creates it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
        "example": "north-hospital",
    },
    "study": {"description": "Study Instance UID", "schema": _UID, "example": "1.2.826.0.1.3680043.8.498.1"},
    "series": {"description": "Series Instance UID", "schema": _UID, "example": "1.2.826.0.1.3680043.8.498.2"},
    "instance": {"description": "SOP Instance UID", "schema": _UID, "example": "1.2.826.0.1.3680043.8.498.3"},
    "frames": {
        "description": "Frame numbers, the first being 1, separated by commas.",
        "schema": {"type": "string", "pattern": "^[0-9]+(,[0-9]+)*$"},
        "example": "1,2",
    },
    "value": {
        "description": "Where the value is in its data set, as the URIs of metadata have it: tags and item numbers.",
        "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{8}([.][1-9][0-9]*[.][0-9A-Fa-f]{8})*$"},
        "example": "7FE00010",
    },
    "frame": {"description": "Frame number, the first being 1.", "schema": {"type": "integer", "minimum": 1}, "example": 1},
}

# what a search for an attribute may look like, by VR
ATTRIBUTE_EXAMPLES: Final = {
    "CS": "CT",
    "DA": "20240101-20240131",
    "IS": "1",
    "LO": "A123",
    "PN": "Doe^Jane",
    "SH": "A123",
    "TM": "0800-1200",
    "UI": "1.2.826.0.1.3680043.8.498.1",
}

RESPONSE_HEADERS: Final[dict[str, JsonObject]] = {
    "api-supported-versions": {"description": "The versions that have this resource.", "schema": {"type": "string"}},
    "x-correlation-id": {"description": "Names the request in the service's logs.", "schema": {"type": "string"}},
    "ETag": {"description": "Changes whenever the answer does.", "schema": {"type": "string"}},
    "Last-Modified": {"description": "When the instance was stored or last updated.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before another attempt.", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "Where to get a token, and for what.", "schema": {"type": "string"}},
    "Warning": {"description": "299 with a remark on the answer.", "schema": {"type": "string"}},
    "erroneous-dicom-attributes": {
        "description": "Matched attributes that could not be indexed for every instance, separated by commas.",
        "schema": {"type": "string"},
    },
}

# status -> what it means, and whether a sentence of text comes with it
ERRORS: Final[dict[int, tuple[str, bool]]] = {
    400: ("Something in the request is wrong; the text names it.", True),
    401: ("No token, or not a good one.", False),
    403: ("The caller's roles do not allow this.", True),
    404: ("Nothing is stored under these identifiers.", True),
    406: ("No acceptable representation can be given.", True),
    413: ("A file is longer than the service takes.", True),
    415: ("The content type is not taken here.", True),
    416: ("The wanted bytes lie behind the end.", True),
    424: ("Storage that the customer owns cannot be reached.", True),
    503: ("Storage does not answer; the same request may succeed later.", True),
}

_ELEMENT: Final[JsonObject] = {
    "type": "object",
    "description": "A data element (PS3.18 Annex F).",
    "required": ["vr"],
    "properties": {
        "vr": {"type": "string", "pattern": "^[A-Z]{2}$"},
        "Value": {"type": "array", "items": {}},
        "BulkDataURI": {"type": "string"},
        "InlineBinary": {"type": "string"},
    },
}

SCHEMAS: Final[dict[str, JsonObject]] = {
    "Element": _ELEMENT,
    "DataSet": {
        "type": "object",
        "description": "A DICOM data set; names are tags of 8 hexadecimal digits (PS3.18 Annex F).",
        "additionalProperties": _schema("Element"),
    },
    "Change": {
        "type": "object",
        "description": "A change of one instance. `state` and `metadata` are those of the moment of reading.",
        "required": [
            "sequence",
            "partitionName",
            "studyInstanceUid",
            "seriesInstanceUid",
            "sopInstanceUid",
            "action",
            "timestamp",
            "state",
        ],
        "properties": {
            "sequence": {"type": "integer", "format": "int64"},
            "partitionName": {"type": "string"},
            "studyInstanceUid": _UID,
            "seriesInstanceUid": _UID,
            "sopInstanceUid": _UID,
            "action": {"type": "string", "enum": ["Create", "Update", "Delete"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "state": {"type": "string", "enum": ["Current", "Replaced", "Deleted"]},
            "metadata": _schema("DataSet"),
        },
    },
    "Partition": {
        "type": "object",
        "required": ["partitionKey", "partitionName", "createdDate"],
        "properties": {
            "partitionKey": {"type": "integer"},
            "partitionName": {"type": "string"},
            "createdDate": {"type": "string", "format": "date-time"},
        },
    },
    "Count": {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer", "minimum": 0}}},
    "Problem": {
        "type": "object",
        "description": "Problem details (RFC 9457), for clients that list their type in Accept.",
        "properties": {"status": {"type": "integer"}, "detail": {"type": "string"}},
    },
}

_STUDY_RESULT: Final[JsonObject] = {
    "00080020": {"vr": "DA", "Value": ["20240131"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]},
    "0020000D": {"vr": "UI", "Value": ["1.2.826.0.1.3680043.8.498.1"]},
}
_STORED: Final[JsonObject] = {
    "00081199": {
        "vr": "SQ",
        "Value": [
            {
                "00081150": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
                "00081155": {"vr": "UI", "Value": ["1.2.826.0.1.3680043.8.498.3"]},
                "00081190": {"vr": "UR", "Value": ["https://dicom.example/v2/studies/1.2.826.0.1.3680043.8.498.1"]},
            }
        ],
    }
}

GROUPS: Final[dict[str, str]] = {
    "Store": "STOW-RS, PS3.18 10.5",
    "Retrieve": "WADO-RS, PS3.18 10.4",
    "Search": "QIDO-RS, PS3.18 10.6",
    "Delete": "Removing studies, series and instances",
    "Change feed": "Every change of every instance, in order, over all data partitions",
    "Partitions": "Data partitions: archives beside each other in one service",
}

_CHANGE: Final[JsonObject] = {
    "sequence": 1,
    "partitionName": "Microsoft.Default",
    "studyInstanceUid": "2.25.1",
    "seriesInstanceUid": "2.25.2",
    "sopInstanceUid": "2.25.3",
    "action": "Create",
    "timestamp": "2024-01-31T12:00:00.000000+00:00",
    "state": "Current",
    "metadata": {"00080060": {"vr": "CS", "Value": ["CT"]}},
}

_TERMS: Final = (
    "From version 2 on, headers `msdicom-meta-{VR}-{tag}` add private attributes to their studies, "
    "and the latest store into a study says whether it expires."
)
_STORE: Final = Description(
    group="Store",
    text="Stores DICOM Part 10 files, each for itself: one that fails does not stop the others. Metadata in DICOM JSON or XML "
    f"with bulk data in further parts makes files, too. {_TERMS}",
    answers={
        200: "Every instance is stored.",
        202: "Some instances are not stored, or (version 2) some are stored with warnings.",
        204: "The request had no instances.",
        409: "No instance is stored; the reasons are in Failed SOP Sequence.",
    },
    errors=(406, 413, 415),
    result=_schema("DataSet"),
    example=_STORED,
)
_REPLACE: Final = replace(_STORE, text=f"Stores DICOM Part 10 files as POST does, in the place of instances with the same UIDs. {_TERMS}")
_RETRIEVE: Final = Description(
    group="Retrieve",
    text="Sends DICOM files, as parts or in a ZIP archive, transcoded when the Accept header asks for another transfer syntax "
    "than the stored one.",
    answers={200: "The files."},
    errors=(404, 406),
)
_FRAMES: Final = Description(
    group="Retrieve",
    text="Sends frames of the pixel data in the order asked for: as they are stored, uncompressed, or in another compression.",
    answers={200: "The frames.", 206: "The wanted bytes of a single frame.", 304: "The client's copy is current."},
    errors=(404, 406, 416),
    headers=("ETag", "Last-Modified"),
)
_BULK_DATA: Final = Description(
    group="Retrieve",
    text="Sends the values that metadata leaves out, or those of pixel data: uncompressed in little endian, or, with "
    "`transfer-syntax=*`, as they are stored. Every part tells its own URL.",
    answers={200: "The values."},
    errors=(404, 406),
)
_BULK_DATA_VALUE: Final = replace(
    _BULK_DATA,
    answers={200: "The value.", 206: "The wanted bytes of it.", 304: "The client's copy is current."},
    errors=(404, 406, 416),
    headers=("ETag", "Last-Modified"),
)
_RENDERED: Final = Description(
    group="Retrieve",
    text="Sends a picture for people: 8 bits, grey or colour, in the first window of the data set unless another is asked for.",
    answers={200: "The picture.", 206: "The wanted bytes of it.", 304: "The client's copy is current."},
    errors=(404, 406, 416),
    headers=("ETag", "Last-Modified", "Warning"),
)
_RENDERED_PARTS: Final = Description(
    group="Retrieve",
    text="Sends a picture of every frame, with its address in Content-Location. What cannot be decoded is left out.",
    answers={200: "The pictures."},
    errors=(404, 406),
    headers=("Warning",),
)
_METADATA: Final = Description(
    group="Retrieve",
    text="Sends the data sets without bulk data, as DICOM JSON or as XML (PS3.19).",
    answers={200: "One data set for each instance.", 304: "The client's copy is current."},
    errors=(404, 406),
    result=_array("DataSet"),
    example=[_STUDY_RESULT],
    headers=("ETag",),
)
_SEARCH: Final = Description(
    group="Search",
    text="Finds by attribute, newest first. Conditions are joined by AND; attributes are named by keyword or tag.",
    answers={200: "The results.", 204: "Nothing matches."},
    errors=(406,),
    result=_array("DataSet"),
    example=[_STUDY_RESULT],
    headers=("erroneous-dicom-attributes", "Warning"),
)
_COUNT: Final = Description(
    group="Search",
    text="Counts what a search with the same conditions finds. Pages do not matter: `limit`, `offset` and `includefield` are ignored.",
    answers={200: "The number."},
    result=_schema("Count"),
    example={"count": 42},
    headers=("Warning",),
)
_DELETE: Final = Description(
    group="Delete",
    text="Deletes every instance under the identifiers, at once and for good.",
    answers={204: "Deleted."},
    errors=(404,),
)

DESCRIPTIONS: Final[dict[str, Description]] = {
    **dict.fromkeys(("store", "store_in_study"), _STORE),
    **dict.fromkeys(("replace", "replace_in_study"), _REPLACE),
    **dict.fromkeys(("retrieve_study", "retrieve_series", "retrieve_instance"), _RETRIEVE),
    "retrieve_frames": _FRAMES,
    **dict.fromkeys(("retrieve_rendered_instance", "retrieve_rendered_frame"), _RENDERED),
    **dict.fromkeys(("retrieve_rendered_study", "retrieve_rendered_series"), _RENDERED_PARTS),
    **dict.fromkeys([f"retrieve_{level}_thumbnail" for level in ("study", "series", "instance", "frame")], _RENDERED),
    **dict.fromkeys(("retrieve_study_bulk_data", "retrieve_series_bulk_data", "retrieve_instance_bulk_data"), _BULK_DATA),
    **dict.fromkeys(("retrieve_study_pixel_data", "retrieve_series_pixel_data"), _BULK_DATA),
    **dict.fromkeys(("retrieve_bulk_data_value", "retrieve_instance_pixel_data"), _BULK_DATA_VALUE),
    **dict.fromkeys(("retrieve_study_metadata", "retrieve_series_metadata", "retrieve_instance_metadata"), _METADATA),
    **dict.fromkeys(
        (
            "search_studies",
            "search_series",
            "search_instances",
            "search_series_of_study",
            "search_instances_of_study",
            "search_instances_of_series",
        ),
        _SEARCH,
    ),
    **dict.fromkeys(
        (
            "count_studies",
            "count_series",
            "count_instances",
            "count_series_of_study",
            "count_instances_of_study",
            "count_instances_of_series",
        ),
        _COUNT,
    ),
    **dict.fromkeys(("delete_study", "delete_series", "delete_instance"), _DELETE),
    "list_changes": Description(
        group="Change feed",
        text="Lists changes in order: in version 2 those of a span of time, before that those that follow a sequence number.",
        answers={200: "The changes, which may be none."},
        result=_array("Change"),
        example=[_CHANGE],
    ),
    "latest_change": Description(
        group="Change feed",
        text="Reads the newest change.",
        answers={200: "The change.", 204: "Nothing has changed yet."},
        result=_schema("Change"),
        example=_CHANGE,
    ),
    "list_partitions": Description(
        group="Partitions",
        text="Lists every data partition; there always is the default one.",
        answers={200: "The partitions."},
        result=_array("Partition"),
        example=[{"partitionKey": 1, "partitionName": "Microsoft.Default", "createdDate": "2024-01-31T12:00:00.000Z"}],
    ),
}
