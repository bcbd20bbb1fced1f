"""Instances stored over HTTP, for tests of what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from tests.http.driver import Client

__all__ = ["Stored", "store_file"]


@dataclass(frozen=True)
class Stored:
    """A stored instance: its URL, and the file as it is kept."""

    url: str
    data: bytes

    @property
    def study(self) -> str:
        return self.url.partition("/series/")[0]

    @property
    def series(self) -> str:
        return self.url.partition("/instances/")[0]


async def store_file(client: Client, data: bytes) -> Stored:
    """Store one file and tell where it is."""
    answer = await client.send("POST", "/v2/studies", data, headers={"Content-Type": "application/dicom"})
    assert answer.status in (200, 202), answer.text
    url = answer.json["00081199"]["Value"][0]["00081190"]["Value"][0]
    return Stored(url.removeprefix("http://dicom.test"), bytes(128) + data[128:])
