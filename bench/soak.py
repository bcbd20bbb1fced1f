"""``python -m bench.soak``: objects and studies so large that anything held whole would show in the server's memory."""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Callable

from bench.hosting import running_local_host
from bench.images import multipart_pieces, multipart_type, uid, write_image
from bench.large_images import NATIVE_FRAME, native_file, native_frame, sectioned_file, slide_file, tile
from bench.soak_client import DICOM_FILE, DICOM_FILES, FRAME, HEADING, SoakClient

__all__ = ["main"]

_MOST_GROWTH = 150  # MiB
_JSON = "application/dicom+json"
_INSTANCE = f"/v2/studies/{uid(1)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}"
_TOGETHER = 1000  # instances in a store request


def main() -> int:
    """Run every workload on a server of its own; 1 when one let the server's memory grow too much."""
    print(HEADING)
    grown = [_run(workload) for workload in (_native(1), _native(4), _slide, _sections, _series)]
    if max(grown) >= _MOST_GROWTH:
        print(f"The server grew by {max(grown)} MiB in one request, {_MOST_GROWTH} is the limit.")
        return 1
    return 0


_Workload = Callable[[SoakClient], None]


class _Checksum:
    """A checksum and the length of pieces."""

    def __init__(self) -> None:
        self.value = 0
        self.length = 0

    def __call__(self, piece: bytes) -> bytes:
        self.value = zlib.crc32(piece, self.value)
        self.length += len(piece)
        return piece

    def same_as(self, other: _Checksum) -> bool:
        return (self.value, self.length) == (other.value, other.length)


def _run(workload: _Workload) -> int:
    with running_local_host() as host:
        client = SoakClient(host)
        workload(client)
        return client.most_growth


def _native(gibibytes: int) -> _Workload:
    """A single multi-frame instance; four GiB is as long as Pixel Data can be."""
    frames = gibibytes * 1024**3 // NATIVE_FRAME - 1

    def workload(client: SoakClient) -> None:
        sent, received = _Checksum(), _Checksum()
        client.store(f"store an instance of {gibibytes} GiB", map(sent, native_file(1, frames)))
        client.retrieve("  retrieve it", _INSTANCE, DICOM_FILE, received)
        assert received.same_as(sent)
        _frames(client, (1, frames // 2, frames), native_frame)
        client.delete("  delete it", _INSTANCE)

    return workload


def _slide(client: SoakClient) -> None:
    """A whole-slide image: many encapsulated frames."""
    frames = 12_000
    client.store(f"store a slide of {frames:,} JPEG tiles", slide_file(1, frames))
    _frames(client, (1, frames // 2, frames), tile)


def _sections(client: SoakClient) -> None:
    """Functional groups so long that their metadata has no place in a row."""
    frames = 12_000
    client.store(f"store {frames:,} frames with a kilobyte of groups each", [sectioned_file(1, frames)])
    (image,) = json.loads(_retrieved(client, "  retrieve its metadata", f"{_INSTANCE}/metadata", _JSON))
    assert len(image["52009230"]["Value"]) == frames
    _frames(client, (1, frames), lambda _: bytes(8))


def _series(client: SoakClient) -> None:
    """A study of many instances of half a megabyte."""
    instances, study = 5000, f"/v2/studies/{uid(1)}"
    for first in range(1, instances, _TOGETHER):
        files = (write_image(1, 1, number, size=512) for number in range(first, first + _TOGETHER))
        client.store(f"store {_TOGETHER:,} instances of a study, {first - 1:,} there", multipart_pieces(files), multipart_type())
    received = _Checksum()
    client.retrieve("  retrieve the study", study, DICOM_FILES, received)
    assert received.length > instances * 512 * 512 * 2
    assert len(json.loads(_retrieved(client, "  retrieve its metadata", f"{study}/metadata", _JSON))) == instances
    client.delete("  delete it", study)


def _frames(client: SoakClient, numbers: tuple[int, ...], expected: Callable[[int], bytes]) -> None:
    for number in numbers:
        assert _retrieved(client, f"  frame {number:,}", f"{_INSTANCE}/frames/{number}", FRAME) == expected(number)


def _retrieved(client: SoakClient, title: str, path: str, accept: str) -> bytes:
    pieces: list[bytes] = []
    client.retrieve(title, path, accept, pieces.append)
    return b"".join(pieces)


if __name__ == "__main__":
    sys.exit(main())
