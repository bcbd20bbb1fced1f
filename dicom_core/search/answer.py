"""What a search returns of each hit, put together from the rows' documents without parsing them.

Standard: PS3.18 10.6.3.3
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, cast

import orjson

from dicom_core.dicom.document import assemble, fragment, fragments
from dicom_core.dicom.external_metadata import private_creators
from dicom_core.index.attributes import MODALITIES_IN_STUDY, Level
from dicom_core.index.metadata import read_metadata
from dicom_core.index.rows import InstanceRow
from dicom_core.index.summary import CUT
from dicom_core.search.filtering import EXTERNAL, KEPT
from dicom_core.search.hits import Hit, Needs, Rows
from dicom_core.search.query import Query
from dicom_core.search.resources import LEVEL_ATTRIBUTES, UID_TAGS, Resource
from dicom_core.storage.ports import BlobNotFound, Blobs

__all__ = ["Answer"]

INSTANCE_AVAILABILITY: Final = "00080056"
RETRIEVE_URL: Final = "00081190"
_COUNTS: Final = {"00201208": Level.STUDY, "00201209": Level.SERIES}  # Number of Study / Series Related Instances

_SINGLY: Final = 4  # tags that are found faster one by one than by cutting up the document
_PATH: Final = ("/studies/", "/series/", "/instances/")
_NEWEST: Final = {
    Level.STUDY: frozenset(("newest",)),
    Level.SERIES: frozenset(("newest",)),
    Level.INSTANCE: frozenset(("meta_blob",)),
}

Members = dict[str, bytes]


class Answer:
    """The attributes wanted of each hit, and where they come from.

    An attribute comes from the row of the hit's level, else from that of the level above that it describes, else from
    the metadata of the newest instance. External attributes of the study go first, and bring their private creators.
    `needs` are the properties of rows that this takes.
    """

    def __init__(self, query: Query, retrieve_url: str) -> None:
        self._query = query
        self._retrieve_url = retrieve_url
        self._level = query.resource.level
        self._uids = [(UID_TAGS[level], level - 1) for level in Level if level <= self._level and UID_TAGS[level] in query.wanted]
        self._modalities = MODALITIES_IN_STUDY in query.wanted
        self._counts = {tag: level for tag, level in _COUNTS.items() if tag in query.wanted and level <= self._level}
        computed = {MODALITIES_IN_STUDY, RETRIEVE_URL, *self._counts, *(tag for tag, _ in self._uids), *query.external}
        self._kept: dict[tuple[Level, str], set[str]] = {}
        if query.external:
            self._kept[Level.STUDY, EXTERNAL] = set(query.external)
        self._named_external = query.external & query.named
        self._from_metadata: set[str] = set()
        for tag in query.wanted - computed:
            place = _place(tag, query.resource)
            if place is None:
                self._from_metadata.add(tag)
            else:
                self._kept.setdefault(place, set()).add(tag)
        self.needs: Needs = {level: frozenset(self._needed(level)) for level in Level}

    def _needed(self, level: Level) -> Iterable[str]:
        yield from (name for at, name in self._kept if at is level)
        if level in self._counts.values():
            yield "instances"
        if level is Level.STUDY and self._modalities:
            yield "modalities"
        if level is self._level and self._from_metadata:
            yield from _NEWEST[level]

    async def documents(self, hits: Sequence[Hit], rows: Rows, blobs: Blobs) -> list[bytes]:
        """The results, in the order of the hits; hits that were deleted meanwhile are left out."""
        present = await rows.load(hits, self.needs)
        cuts: dict[int, Members] = {}
        results = [self._members(hit, cuts) for hit in present]
        lacking = []
        for hit, members in zip(present, results, strict=True):
            tags = self._from_metadata | (self._named_external - members.keys())
            if CUT in members.values():
                tags = tags | {tag for tag, element in members.items() if element == CUT}
            if tags:
                lacking.append((hit, members, tags))
        if lacking:
            await self._hydrate(lacking, rows, blobs)
        for hit, members in zip(present, results, strict=True):
            self._synthesise(hit, members)
        return list(map(assemble, results))

    def _members(self, hit: Hit, cuts: dict[int, Members]) -> Members:
        """The attributes that rows hold, and those that follow from them."""
        members: Members = {}
        for (level, name), tags in self._kept.items():
            document = cast(bytes, hit.row(level).properties[name])
            if level is self._level:
                members |= _cut(document, tags)
            else:  # hits share the rows above them
                if id(document) not in cuts:
                    cuts[id(document)] = _cut(document, tags)
                members |= cuts[id(document)]
        if self._query.external:
            members |= private_creators(self._query.external & members.keys())
        for tag, at in self._uids:
            members[tag] = b'{"vr":"UI","Value":["%b"]}' % hit.uids[at].encode()
        for tag, level in self._counts.items():
            members[tag] = b'{"vr":"IS","Value":[%d]}' % cast(int, hit.row(level).properties["instances"])
        if self._modalities and (modalities := orjson.loads(cast(str, hit.row(Level.STUDY).properties["modalities"]))):
            members[MODALITIES_IN_STUDY] = b'{"vr":"CS","Value":%b}' % orjson.dumps(sorted(modalities))
        return members

    async def _hydrate(self, lacking: Sequence[tuple[Hit, Members, set[str]]], rows: Rows, blobs: Blobs) -> None:
        """Take what rows do not hold from the metadata of the newest instance."""
        await rows.load([hit for hit, _, _ in lacking], {self._level: _NEWEST[self._level]})
        found = [(self._newest(hit), members, tags) for hit, members, tags in lacking if hit.rows[self._level - 1] is not None]
        instances = await rows.instances([uids for uids, _, _ in found])
        for (_, members, tags), row in zip(found, instances, strict=True):
            try:
                document = b"{}" if row is None else await read_metadata(blobs, InstanceRow.of(row))
            except BlobNotFound:  # deleted meanwhile
                document = b"{}"
            for tag in tags:
                members.pop(tag, None)
                if (element := fragment(document, tag)) is not None:
                    members[tag] = element

    def _newest(self, hit: Hit) -> tuple[str, str, str]:
        """The UIDs of the newest instance of a hit."""
        if self._level is Level.INSTANCE:
            study, series, instance = hit.uids
            return study, series, instance
        newest = cast(str, hit.row(self._level).properties["newest"])
        study, series, instance = (*hit.uids, *newest.split("|"))
        return study, series, instance

    def _synthesise(self, hit: Hit, members: Members) -> None:
        """What the service alone knows, if the request names it."""
        if RETRIEVE_URL in self._query.named:
            path = "".join(part + uid for part, uid in zip(_PATH, hit.uids, strict=False))
            members[RETRIEVE_URL] = b'{"vr":"UR","Value":[%b]}' % orjson.dumps(self._retrieve_url + path)
        if INSTANCE_AVAILABILITY in self._query.named:
            members.setdefault(INSTANCE_AVAILABILITY, b'{"vr":"CS","Value":["ONLINE"]}')


def _place(tag: str, resource: Resource) -> tuple[Level, str] | None:
    """The level and property of the row that holds a tag."""
    own = resource.level
    for level in reversed(resource.levels):
        if level is own or tag in LEVEL_ATTRIBUTES[level]:
            for name, tags in KEPT[level].items():
                if tag in tags:
                    return level, name
    return None


def _cut(document: bytes, tags: set[str]) -> Members:
    if len(tags) <= _SINGLY:
        return {tag: element for tag in tags if (element := fragment(document, tag)) is not None}
    return {tag: element for tag, element in fragments(document).items() if tag in tags}
