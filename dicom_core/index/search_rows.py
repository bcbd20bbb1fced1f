"""Search rows: a pure function of the study, series and instance rows, so that both always agree.

They are covering: a study's search rows carry its document and modalities, a series' its document. Those of an
instance carry nothing, because instances come and go in thousands; the instance row is read instead. Those of external
attributes carry nothing either. The row that tells when a study expires is derived in the same way.
"""

from __future__ import annotations

from typing import Final, cast

import orjson

from dicom_core.dicom.comparison import comparable
from dicom_core.dicom.document import first_text, fragment, fragments, vr
from dicom_core.dicom.values import normalise, person_name_words
from dicom_core.index.attributes import MODALITIES_IN_STUDY, SEARCHABLE, SOP_INSTANCE_UID, STUDY_INSTANCE_UID, Attribute, Level
from dicom_core.index.keys import ALL, expiry_key, search_key
from dicom_core.storage.ports import Properties

__all__ = [
    "DERIVED_FROM",
    "MANY_WORDS",
    "MAX_EXTERNAL_ROWS",
    "MAX_NAME_WORDS",
    "NAME_WORD",
    "SearchRows",
    "external_values",
    "search_rows",
]

DERIVED_FROM: Final = ("doc", "modalities", "created", "version", "expires", "external")
"""The properties of rows that search rows depend on."""

NAME_WORD: Final = "w"  # appended to a person name's tag: rows by word
MAX_NAME_WORDS: Final = 9  # rows by word of a name, so that a change of names fits in one batch
MANY_WORDS: Final = "^"  # no word: the row of a name that has more, in place of the last ones
MAX_EXTERNAL_ROWS: Final = 40  # of a study, so that it can be deleted with one batch
_MAX_MODALITIES: Final = 16

_STUDY: Final = [
    attribute
    for attribute in SEARCHABLE.values()
    if attribute.level is Level.STUDY and attribute.indexed and attribute.tag not in (STUDY_INSTANCE_UID, MODALITIES_IN_STUDY)
]
_SERIES: Final = [attribute for attribute in SEARCHABLE.values() if attribute.level is Level.SERIES and attribute.indexed]

SearchRows = dict[str, Properties]


def search_rows(key: str, properties: Properties) -> SearchRows:
    """The search rows of a study, series or instance row; none for rows of other kinds."""
    derive = _DERIVE.get(key[0])
    return {} if derive is None else derive(key, properties)


def _of_study(key: str, properties: Properties) -> SearchRows:
    study, created, document = key[2:], cast(int, properties["created"]), cast(bytes, properties["doc"])
    modalities = list(orjson.loads(cast(str, properties["modalities"])))
    found = [(MODALITIES_IN_STUDY, normalise("CS", modality)) for modality in modalities[:_MAX_MODALITIES]]
    for attribute in _STUDY:
        found += _values(attribute, document)
    keys = [search_key(Level.STUDY, tag, value, created, study) for tag, value in [(ALL, ""), *found]]
    covering: Properties = {"doc": document, "modalities": orjson.dumps(modalities).decode()}
    nothing: Properties = {}
    rows = dict.fromkeys(keys, covering)
    for tag, value in external_values(cast(bytes, properties["external"])):
        rows[search_key(Level.STUDY, tag, value, created, study)] = nothing
    if expires := cast(int, properties["expires"]):
        rows[expiry_key(expires, study)] = nothing
    return rows


def external_values(document: bytes) -> list[tuple[str, str]]:
    """The (key, normalised value) pairs of the search rows of a study with these external attributes."""
    attributes = (Attribute("", tag, vr(element), Level.STUDY, external=True) for tag, element in fragments(document).items())
    return [pair for attribute in attributes for pair in _values(attribute, document)]


def _of_series(key: str, properties: Properties) -> SearchRows:
    uids, created, document = key.split("|")[1:], cast(int, properties["created"]), cast(bytes, properties["doc"])
    found = [pair for attribute in _SERIES for pair in _values(attribute, document)]
    keys = [search_key(Level.SERIES, tag, value, created, *uids) for tag, value in [(ALL, ""), *found]]
    covering: Properties = {"doc": document}
    return dict.fromkeys(keys, covering)


def _of_instance(key: str, properties: Properties) -> SearchRows:
    uids, version = key.split("|")[1:], cast(int, properties["version"])
    keys = [search_key(Level.INSTANCE, tag, value, version, *uids) for tag, value in [(ALL, ""), (SOP_INSTANCE_UID, uids[-1])]]
    nothing: Properties = {}
    return dict.fromkeys(keys, nothing)


def _values(attribute: Attribute, document: bytes) -> list[tuple[str, str]]:
    """The (key, normalised value) pairs that an attribute's first value is found by."""
    text = first_text(fragment(document, attribute.tag))
    value = "" if text is None else comparable(attribute.vr, text)
    if not value:
        return []
    found = [(attribute.key, value)]
    if attribute.vr == "PN":
        words = person_name_words(value)
        if words and value.startswith(words[0]):
            del words[0]  # it is found as a prefix of the whole name
        words = list(dict.fromkeys(words))
        if len(words) > MAX_NAME_WORDS:
            words[MAX_NAME_WORDS - 1 :] = [MANY_WORDS]
        found += [(attribute.key + NAME_WORD, word) for word in words]
    return found


_DERIVE: Final = {"S": _of_study, "E": _of_series, "I": _of_instance}
