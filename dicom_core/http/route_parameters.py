"""The query parameters and headers that routes take, as the OpenAPI documents describe them."""

from __future__ import annotations

from typing import Final

from dicom_core.http.route import Parameter

__all__ = [
    "BULK_DATA_URIS",
    "CHANGES",
    "CONDITIONAL",
    "EXPIRY",
    "EXTERNAL",
    "MATCHING",
    "ORIGINAL",
    "PRESENTATION",
    "RANGE",
    "SEARCH",
    "VIEWPORT",
]

ORIGINAL: Final = (Parameter("msdicom-request-original", "boolean", "Ask for the version before the first bulk update.", "header"),)
IF_NONE_MATCH: Final = Parameter("If-None-Match", "string", "Answer 304 when the ETag still is one of these.", "header")
CONDITIONAL: Final = (IF_NONE_MATCH, *ORIGINAL)
BULK_DATA_URIS: Final = Parameter("bulkdata", "string", "`uri` adds the elements that metadata leaves out, with their URIs.")
EXTERNAL: Final = (Parameter("msdicom-request-meta", "boolean", "Version 2: include external metadata of studies.", "header"),)
EXPIRY: Final = (
    Parameter("msdicom-expiry-time-milliseconds", "integer", "Version 2: time after which the study is deleted.", "header", minimum=1),
    Parameter("msdicom-expiry-option", "string", "Version 2: `RelativeToNow`, which it is anyway.", "header"),
    Parameter("msdicom-expiry-level", "string", "Version 2: `Study`, which it is anyway.", "header"),
)
CHANGES: Final = (
    Parameter(
        "offset",
        "integer",
        "Number of changes to skip; before version 2, the sequence number to go on after.",
        minimum=0,
        maximum=2**63 - 1,
    ),
    Parameter("limit", "integer", "Number of changes; 100 if absent, before version 2: 10, and 100 at most.", minimum=1, maximum=200),
    Parameter("startTime", "string", "Version 2: time from which on changes are wanted, with a time zone."),
    Parameter("endTime", "string", "Version 2: time before which changes are wanted, with a time zone."),
    Parameter("includeMetadata", "boolean", "Whether to add the metadata of the instances; true if absent."),
)
STATE: Final = (IF_NONE_MATCH, Parameter("If-Modified-Since", "string", "Answer 304 when there is nothing newer.", "header"))
RANGE: Final = (Parameter("Range", "string", "Bytes that are wanted of a single part.", "header"), *STATE)
VIEWPORT: Final = Parameter("viewport", "string", "Columns and rows to fit in, then the region shown: vw,vh[,sx,sy,sw,sh].")
PRESENTATION: Final = (
    Parameter("quality", "integer", "Quality of JPEG; 100 if absent.", minimum=1, maximum=100),
    VIEWPORT,
    Parameter("window", "string", "Values shown: center,width,function, the function being linear, linear-exact or sigmoid."),
    Parameter("iccprofile", "string", "Colour space: no, yes, srgb, adobergb, rommrgb or displayp3."),
    Parameter("annotation", "string", "Text wanted in the image: patient, technique or both."),
)
_FUZZY: Final = Parameter("fuzzymatching", "boolean", "Match person names word by word, by prefix.")
MATCHING: Final = (
    _FUZZY,
    Parameter("emptyvaluematching", "boolean", "Let an empty value find absent and empty attributes."),
    Parameter("multiplevaluematching", "boolean", "Take lists of values, separated by commas or backslashes."),
)
SEARCH: Final = (
    Parameter("limit", "integer", "Number of results; 100 if absent.", minimum=1, maximum=200),
    Parameter("offset", "integer", "Number of results to skip.", minimum=0, maximum=2**63 - 1),
    *MATCHING,
    Parameter("includefield", "string", "Attributes to return besides the usual ones, separated by commas, or `all`."),
)
