"""The VRs of external attributes: whoever uses a tag first settles its VR for the whole service, for good.

One row per tag, in a partition of its own: ``external`` | tag, with the property `vr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from dicom_core.errors import BackendError, BadRequestError
from dicom_core.index.attributes import Attribute, Level
from dicom_core.index.keys import INDEX_TABLE
from dicom_core.storage.ports import AlreadyExists, Insert, Tables

__all__ = ["ExternalTags"]

_PARTITION: Final = "external"
_ATTEMPTS: Final = 20


class ExternalTags:
    """The tags that stores have used for external attributes."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._known: dict[str, str] = {}

    async def check(self, vrs: Mapping[str, str]) -> list[str]:
        """The tags of these, given with the VR they are to have, that nobody has used yet.

        Raises:
            BadRequestError: one has been used with another VR.
        """
        missing = [tag for tag in vrs if tag not in self._known]
        if missing:
            rows = await self._tables.get_many(INDEX_TABLE, _PARTITION, missing)
            self._known.update((tag, cast(str, row.properties["vr"])) for tag, row in rows.items())
        for tag, vr in vrs.items():
            settled = self._known.get(tag, vr)
            if settled != vr:
                raise BadRequestError(f"The external attribute {tag} has the VR {settled}, and cannot have {vr}.")
        return [tag for tag in vrs if tag not in self._known]

    async def settle(self, vrs: Mapping[str, str]) -> None:
        """Give tags their VR, all of them or none.

        Raises:
            BadRequestError: one has been used with another VR.
        """
        for _ in range(_ATTEMPTS):
            new = await self.check(vrs)
            if not new:
                return
            try:
                await self._tables.commit(INDEX_TABLE, _PARTITION, [Insert(tag, {"vr": vrs[tag]}) for tag in new])
            except AlreadyExists:
                continue  # somebody else was faster
            return
        raise BackendError("The VRs of external attributes could not be settled; please try again.")

    async def attributes(self) -> dict[str, Attribute]:
        """All of them, by tag, as attributes that can be searched for."""
        rows = [row async for page in self._tables.scan(INDEX_TABLE, _PARTITION, "0", "G") for row in page]
        return {row.row_key: Attribute("", row.row_key, cast(str, row.properties["vr"]), Level.STUDY, external=True) for row in rows}
