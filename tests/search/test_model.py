"""Random archives and random searches: every answer is that of a plain filter over what is stored."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.search.archive import Archive, element, tag
from tests.search.model import LEVELS, Condition, Model, Search, Uids, Values

NAMES = ["Doe^John", "DOE^JANE", "Hall^X^Tá", "hall^x^ta", "Doe^Johnny^Döe=山田", "Jo Anne^^Doe"]
POOLS: dict[str, list[Any]] = {
    "PatientName": [*NAMES, None],
    "ReferringPhysicianName": [*NAMES[:2], None],
    "PatientID": ["P1", "p1", "P2", "café", "cafe", "a,b", None],
    "AccessionNumber": ["A1", "A2", "x*y", None],
    "StudyDescription": ["CT HEAD", "ct head", "MR|knee/left", "x" * 60 + "ä" * 4, None],
    "PatientBirthDate": ["19700101", "19800229", None],
    "StudyDate": ["20200101", "20200102", "20200301", None],
    "StudyTime": ["10", "1030", "103000.5", None],
    "StudyID": ["S1", "S2", None],
    "PatientSex": ["M", "F", None],
    "PatientAge": ["042Y", None],
    "Modality": ["CT", "MR", "SR", None],
    "PerformedProcedureStepStartDate": ["20200101", "20200201", None],
    "ManufacturerModelName": ["One", "Two", None],
    "SeriesNumber": [1, 2, None],
    "SeriesDescription": ["Axial", "Sagittal", None],
    "RequestAttributesSequence": [
        [{"ScheduledProcedureStepID": "S1", "RequestedProcedureID": "R1"}],
        [{"ScheduledProcedureStepID": "S1", "RequestedProcedureID": "R2"}, {"ScheduledProcedureStepID": "S2"}],
        None,
    ],
    "SOPClassUID": ["1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"],
    "InstanceNumber": [1, 2, 3, None],
    "Rows": [512, None],
    "TimezoneOffsetFromUTC": ["+0100", "-0500", None],
    "SliceThickness": [1.5, None],
    "InstitutionName": ["Here", None],
}
STEP, PROCEDURE = "RequestAttributesSequence.ScheduledProcedureStepID", "RequestAttributesSequence.RequestedProcedureID"
SEARCHABLE = {
    "study": [
        *("PatientName", "PatientName", "StudyInstanceUID", "PatientID", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"),
        *("StudyDate", "StudyDescription", "ModalitiesInStudy", "StudyTime", "StudyID", "PatientSex"),
    ],
    "series": [
        *("SeriesInstanceUID", "Modality", "PerformedProcedureStepStartDate", "ManufacturerModelName"),
        *("SeriesNumber", "SeriesDescription", STEP, PROCEDURE),
    ],
    "instance": ["SOPInstanceUID", "SOPClassUID", "InstanceNumber"],
}
INCLUDED = [
    *("all", "PatientAge", "StudyTime", "SliceThickness", "InstitutionName", "Modality", "Rows", "SeriesDescription", "PatientName"),
    *("ModalitiesInStudy", "NumberOfStudyRelatedInstances", "NumberOfSeriesRelatedInstances", "SOPInstanceUID", "SOPClassUID"),
]

uids = st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 3)).map(
    lambda each: (f"1.{each[0]}", f"1.{each[0]}.{each[1]}", f"1.{each[0]}.{each[1]}.{each[2]}")
)
ABSENT = "absent"
attributes = st.fixed_dictionaries(
    {keyword: st.sampled_from([*pool, *([] if keyword == "SOPClassUID" else [ABSENT])]) for keyword, pool in POOLS.items()}
).map(lambda values: {keyword: value for keyword, value in values.items() if value != ABSENT})
stores = st.tuples(uids, attributes)
deletes = st.tuples(uids, st.integers(1, 3)).map(lambda each: (each[0][: each[1]], None))
histories = st.lists(st.one_of(stores, stores, stores, stores, deletes), min_size=8, max_size=16)


@st.composite
def conditions(draw: st.DrawFn, keyword: str, *, fuzzy: bool, multiple: bool) -> Condition:
    """A condition on an attribute, with values that occur, and with others."""
    if keyword.endswith("UID") and keyword != "SOPClassUID":
        depth = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID").index(keyword)
        found = draw(st.lists(uids.map(lambda each: each[depth]), min_size=1, max_size=3))
        return Condition(keyword, "list" if len(found) > 1 else "value", tuple(found))
    if "." in keyword:
        pool = ["S1", "s2", "R1", "r2"]
    else:
        pool = [str(value) for value in POOLS.get(keyword, POOLS["Modality"]) if value is not None]
    if multiple:
        pool = [value for value in pool if "," not in value]
    value = draw(st.sampled_from(pool))
    if keyword.endswith(("Date", "Time")):
        kinds = ["value", "range"]
    elif keyword.endswith(("Number", "UID")) and keyword != "AccessionNumber":
        kinds = ["value"]
    else:
        kinds = ["value", "value", "wildcard", *(["list"] * 3 if multiple else [])]
    kind = draw(st.sampled_from([*kinds, "empty"]))
    if kind == "empty":
        return Condition(keyword, kind, ("",))
    if kind == "list":
        return Condition(keyword, kind, (value, draw(st.sampled_from(pool))))
    if kind == "range":
        ends = sorted((value, draw(st.sampled_from(pool))))
        ends[draw(st.integers(0, 2)) % 2] = draw(st.sampled_from(["", ends[0]])) if draw(st.booleans()) else ends[1]
        first, last = ends if any(ends) and (not all(ends) or ends[0] <= ends[1]) else (value, "")
        return Condition(keyword, kind, (first, last))
    if kind == "wildcard":
        start, stop = draw(st.integers(0, 3)), draw(st.integers(2, 9))
        return Condition(
            keyword, kind, (draw(st.sampled_from([f"*{value[start:stop]}*", f"{value[:start]}*", f"{value[:start]}?*", f"?{value[1:]}"])),)
        )
    value = draw(st.sampled_from([value, value.lower(), value.upper()])) if value != value.upper() or value.isascii() else value
    if fuzzy and keyword.endswith(("tName", "nName")) and draw(st.integers(0, 3)):
        parts = [part for part in value.replace("=", "^").replace(" ", "^").split("^") if part]
        start = draw(st.integers(0, len(parts) - 1))
        value = "^".join(part[: draw(st.integers(1, 4))] for part in parts[start : start + draw(st.integers(1, 2))])
    return Condition(keyword, kind, (value,))


@st.composite
def searches(draw: st.DrawFn) -> Search:
    """A search of any resource."""
    path = draw(st.sampled_from(sorted(LEVELS)))
    study = draw(st.integers(1, 2))
    above = (f"1.{study}", f"1.{study}.{draw(st.integers(1, 2))}")[: path.count("{")]
    keywords = draw(
        st.lists(st.sampled_from([keyword for level in LEVELS[path] for keyword in SEARCHABLE[level]]), max_size=3, unique=True)
    )
    fuzzy, multiple = draw(st.sampled_from([True, False, True])), draw(st.booleans())
    return Search(
        path,
        above,
        tuple(draw(conditions(keyword, fuzzy=fuzzy, multiple=multiple)) for keyword in keywords),
        tuple(draw(st.lists(st.sampled_from(INCLUDED), max_size=3, unique=True))),
        version=draw(st.sampled_from([1, 2])),
        fuzzy=fuzzy,
        multiple=multiple,
        limit=draw(st.sampled_from([1, 2, 5, 200])),
        offset=draw(st.sampled_from([0, 0, 0, 1, 3])),
        combined=draw(st.booleans()),
        any_order=draw(st.booleans()),
    )


def path_of(search: Search) -> str:
    return search.path.format(**dict(zip(("study", "series"), search.uids, strict=False)))


def raw_of(search: Search) -> str:
    pairs = [
        ("limit", str(search.limit)),
        ("offset", str(search.offset)),
        ("fuzzymatching", str(search.fuzzy)),
        ("emptyvaluematching", "true"),
    ]
    pairs += [("multiplevaluematching", str(search.multiple))]
    pairs += [("includefield", keyword) for keyword in search.included]
    for condition in search.conditions:
        pairs.append((condition.keyword, ("-" if condition.kind == "range" else ",").join(condition.texts)))
    return "&".join(f"{name}={quote(value)}" for name, value in pairs)


def as_values(document: bytes) -> Values:
    return {name: found for name, found in orjson.loads(document).items() if "Value" in found and name != tag("SpecificCharacterSet")}


def as_elements(values: Values) -> Values:
    found = {tag(keyword): element(keyword, value) for keyword, value in values.items()}
    return {name: each for name, each in found.items() if "Value" in each}


async def replay(archive: Archive, history: list[tuple[Uids, Values | None]]) -> Model:
    """The archive after some stores and deletes, and what it should be."""
    archive.start_anew()
    model = Model()
    for ids, values in history:
        if values is not None:
            await archive.store(ids[0], ids[1], ids[2], **values)
            model.store(ids, values)
        elif any(each[: len(ids)] == ids for each in model.instances):
            await archive.delete(*ids)
            model.delete(ids)
    return model


async def check(archive: Archive, model: Model, search: Search) -> None:
    expected = [as_elements(values) for values in model.search(search)]
    query = archive.query(
        path_of(search), raw_of(search), search.version, combined_date_times=search.combined, any_order_names=search.any_order
    )
    result = await archive.service.search(archive.partition, query)
    page = expected[search.offset : search.offset + search.limit]
    assert [as_values(document) for document in result.documents] == page
    more = len(expected) - search.offset - len(page) if page else 0
    assert result.at_least or result.more == max(more, 0)
    assert result.more <= max(more, 0)
    assert result.complete
    assert (await archive.service.count(archive.partition, query)).count == len(expected)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(history=histories, asked=st.lists(searches(), min_size=24, max_size=32))
async def test_every_search_answers_like_a_plain_filter(sharded: Archive, history: list[Any], asked: list[Search]) -> None:
    model = await replay(sharded, history)
    for search in asked:
        await check(sharded, model, search)
