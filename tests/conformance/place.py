"""A data partition of its own in a store that many tests share: what a client does there, in one API version."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from tests.dicom.factories import INSTANCE, SERIES, STUDY
from tests.http.driver import Answer, Client

__all__ = ["ANY_FILE", "DICOM", "HOST", "MULTIPART", "Place", "failed", "framed", "instance_path", "messages", "reasons", "stored"]

HOST = "http://dicom.test"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=b'
DICOM = "application/dicom"
ANY_FILE = "application/dicom; transfer-syntax=*"

_numbers = itertools.count(1)


class Place:
    """A partition that nobody has used before; paths are relative to it."""

    def __init__(self, client: Client, version: str = "v2") -> None:
        self.client = client
        self.name = f"place-{next(_numbers)}"
        self.version = version

    def url(self, path: str = "") -> str:
        """The path below the host of something in this partition."""
        return f"/{self.version}/partitions/{self.name}/{path}".rstrip("/")

    async def store(self, *files: bytes, study: str | None = None, accept: str | None = None) -> Answer:
        """Store files as the parts of one request."""
        return await self.post(framed(*files), MULTIPART, study=study, accept=accept)

    async def post(
        self, body: bytes | Iterable[bytes], content_type: str | None, *, study: str | None = None, accept: str | None = None
    ) -> Answer:
        """Send a store request as it is."""
        headers = {"Content-Type": content_type, "Accept": accept}
        path = "studies" if study is None else f"studies/{study}"
        given = {name: value for name, value in headers.items() if value is not None}
        return await self.client.send("POST", self.url(path), body, headers=given)

    async def get(self, path: str, accept: str | None = None, **headers: str) -> Answer:
        return await self.client.get(self.url(path), accept, **headers)

    async def delete(self, path: str) -> Answer:
        return await self.client.send("DELETE", self.url(path))

    async def metadata(self, study: str = STUDY, series: str = SERIES, instance: str = INSTANCE) -> Any:
        """The metadata of one instance."""
        [document] = (await self.get(f"{instance_path(study, series, instance)}/metadata")).json
        return document

    async def file(self, study: str = STUDY, series: str = SERIES, instance: str = INSTANCE) -> bytes:
        """One file as it is stored."""
        return (await self.get(instance_path(study, series, instance), ANY_FILE)).body


def instance_path(study: str = STUDY, series: str = SERIES, instance: str = INSTANCE) -> str:
    return f"studies/{study}/series/{series}/instances/{instance}"


def framed(*files: bytes, kind: str | None = DICOM, boundary: str = "b") -> bytes:
    """A multipart body."""
    header = b"" if kind is None else f"Content-Type: {kind}\r\n".encode()
    delimiter = f"--{boundary}".encode()
    return b"".join(delimiter + b"\r\n" + header + b"\r\n" + file + b"\r\n" for file in files) + delimiter + b"--\r\n"


def stored(answer: Answer) -> list[Any]:
    """The items of ReferencedSOPSequence."""
    return list(answer.json.get("00081199", {}).get("Value", []))


def failed(answer: Answer) -> list[Any]:
    """The items of FailedSOPSequence."""
    return list(answer.json.get("00081198", {}).get("Value", []))


def reasons(answer: Answer) -> list[int]:
    """The failure reasons in the order of the request."""
    return [item["00081197"]["Value"][0] for item in failed(answer)]


def messages(item: Any) -> list[str]:
    """The error comments of an item."""
    return [each["00000902"]["Value"][0] for each in item["00741048"].get("Value", [])]
