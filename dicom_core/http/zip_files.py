"""Answers that carry Part 10 files in a ZIP archive, which is written while it is sent.

Files are stored in it as they are: pixel data hardly shrinks. There is no DICOMDIR, whose file names of eight characters
would take the UIDs' place.

Standard: PS3.18 8.7.3.1 (application/zip)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from starlette.responses import Response

from dicom_core.http.streaming import Closeable, StreamedResponse
from dicom_core.retrieve.files import OpenFile, StoredFile

__all__ = ["ZIP", "zip_archive"]

ZIP: Final = "application/zip"

_EARLIEST, _LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)  # that an archive can state


def zip_archive(name: str, opened: AsyncGenerator[OpenFile, None], source: Closeable) -> Response:
    """Answer with files as ``study/series/instance.dcm``; clients that save the archive are told its name."""
    headers = {"Content-Type": ZIP, "Content-Disposition": f'attachment; filename="{name}.zip"'}
    return StreamedResponse(_archive(opened), headers, source=source)


class _Sink:
    """What the archive is written to, and read from as soon as there is something; it cannot seek."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(data)
        return len(data)

    def flush(self) -> None:
        pass

    def take(self) -> list[bytes]:
        written, self._written = self._written, []
        return written


async def _archive(opened: AsyncGenerator[OpenFile, None]) -> AsyncGenerator[bytes | memoryview, None]:
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as archive:  # type: ignore[call-overload]  # asks for no more than the sink has
        async for file in opened:
            with archive.open(_entry(file.delivery.file), "w", force_zip64=True) as entry:
                entry.write(file.first)
                for data in sink.take():
                    yield data
                async for chunk in file.others:
                    entry.write(chunk)
                    for data in sink.take():
                        yield data
    for data in sink.take():
        yield data


def _entry(file: StoredFile) -> ZipInfo:
    stored = datetime.fromtimestamp(file.version / 1_000_000, UTC)  # versions are microseconds since 1970
    stored = min(max(stored, _EARLIEST), _LATEST)
    return ZipInfo(f"{file.study}/{file.series}/{file.instance}.dcm", stored.timetuple()[:6])
