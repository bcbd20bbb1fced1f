"""The folder behind the embedded blobs, as plain blocking functions: names, files in the making, durable renames.

    <root>/blobs/<name>      segments of a name are folders, so that a prefix is a subtree
    <root>/incoming/<run>/   files in the making of one run of a process, next to the `lock` that it holds while it lives

A file is complete and on the disk before it gets its name, and the name is on the disk before the write is acknowledged.
What a killed process left in the making goes when the folder is opened next; living processes are told by their lock.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from errno import EISDIR
from pathlib import Path
from stat import S_ISREG
from threading import Lock
from uuid import uuid4

from dicom_core.storage.folder_lock import folder_lock, try_lock
from dicom_core.storage.limits import check_blob_name

__all__ = ["BlobFolder", "SharedFile"]

_MAX_BUFFERS = 512  # of one writev; the kernel takes 1024
_ATTEMPTS = 100  # to put a file into a folder that others keep removing


class SharedFile:
    """A file that pool threads use and anyone may close at any time: a descriptor is never reused under a running call."""

    def __init__(self, descriptor: int, path: str, size: int = 0) -> None:
        self.path = path
        self.size = size
        """Bytes when it was opened."""
        self._descriptor = descriptor
        self._lock = Lock()
        self._open = True

    def write(self, buffers: Sequence[bytes | memoryview]) -> None:
        """Append buffers without joining them."""
        with self._lock:
            if self._open:
                for first in range(0, len(buffers), _MAX_BUFFERS):
                    _write_all(self._descriptor, buffers[first : first + _MAX_BUFFERS])

    def read(self, offset: int, length: int) -> bytes:
        with self._lock:
            return os.pread(self._descriptor, length, offset) if self._open else b""

    def is_cached(self, offset: int, length: int) -> bool:
        """Tell whether a range is likely in the page cache, by its ends; then reading it does not wait for the disk."""
        with self._lock:
            return length == 0 or (_is_cached(self._descriptor, offset) and _is_cached(self._descriptor, offset + length - 1))

    def flush(self) -> None:
        """Wait until what was written so far is on the disk; more may be written meanwhile."""
        with self._lock:
            if not self._open:
                return
            descriptor = os.dup(self._descriptor)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._descriptor)


class BlobFolder:
    """Blobs below `root`, which is created when absent."""

    def __init__(self, root: Path) -> None:
        self._blobs = str(root / "blobs")
        incoming = root / "incoming"
        os.makedirs(self._blobs, exist_ok=True)
        os.makedirs(incoming, exist_ok=True)
        with folder_lock(incoming):
            _remove_dead_runs(incoming)
            self._incoming = incoming / uuid4().hex
            self._incoming.mkdir()
            self._run_lock = try_lock(self._incoming / "lock")

    def close(self) -> None:
        """Remove this run's own traces; nothing may be in the making any more."""
        if self._run_lock is not None:
            shutil.rmtree(self._incoming, ignore_errors=True)
            os.close(self._run_lock)
            self._run_lock = None

    def path(self, name: str) -> str:
        check_blob_name(name)
        return f"{self._blobs}/{name}"

    def begin(self) -> SharedFile:
        """Create an empty file in the making."""
        path = f"{self._incoming}/{uuid4().hex}"
        return SharedFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), path)

    def finish(self, file: SharedFile, name: str) -> None:
        """Flush a file in the making and give it its name, durably."""
        target = self.path(name)
        folder = os.path.dirname(target)
        file.flush()
        file.close()
        changed = [folder]
        for attempt in range(_ATTEMPTS):
            try:
                _make_folders(folder, changed)
                os.rename(file.path, target)
                break
            except (FileNotFoundError, FileExistsError):  # a delete took an empty folder away in between
                if attempt == _ATTEMPTS - 1:
                    raise
        for path in changed:
            _flush_folder(path)

    def abandon(self, file: SharedFile) -> None:
        """Drop a file in the making, unless it has just got its name."""
        file.close()
        with suppress(FileNotFoundError):
            os.unlink(file.path)

    def put(self, name: str, buffers: Sequence[bytes | memoryview]) -> None:
        file = self.begin()
        try:
            file.write(buffers)
            self.finish(file, name)
        except BaseException:
            self.abandon(file)
            raise

    def open(self, name: str) -> SharedFile:
        """Open a blob for reading.

        Raises:
            FileNotFoundError, NotADirectoryError, IsADirectoryError: there is no such blob.
        """
        path = self.path(name)
        descriptor = os.open(path, os.O_RDONLY)
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            os.close(descriptor)
            raise IsADirectoryError(EISDIR, "a folder of blobs", path)
        return SharedFile(descriptor, path, status.st_size)

    def holds(self, name: str) -> bool:
        """Whether there is something under a name."""
        return os.path.lexists(self.path(name))

    def delete(self, names: Sequence[str]) -> None:
        """Remove files, and the folders that this leaves empty.

        The folders are not flushed: a file that a power cut brings back has no row that names it, and whoever deleted it
        still owes its deletion until this call was acknowledged.
        """
        paths = [self.path(name) for name in names]
        for path in paths:
            try:
                os.unlink(path)
            except FileNotFoundError:
                continue
        for folder in {os.path.dirname(path) for path in paths}:
            self._remove_empty(folder)

    def _remove_empty(self, folder: str) -> None:
        while folder != self._blobs:
            try:
                os.rmdir(folder)
            except OSError:  # not empty, or gone
                return
            folder = os.path.dirname(folder)

    def names(self, prefix: str) -> Iterator[str]:
        """Walk the names that start with a prefix, folder by folder."""
        folder, _, start = prefix.rpartition("/")
        if folder:
            check_blob_name(folder)
        waiting = [folder]
        while waiting:
            folder = waiting.pop()
            try:
                entries = os.scandir(f"{self._blobs}/{folder}")
            except (FileNotFoundError, NotADirectoryError):
                continue
            with entries:
                for entry in entries:
                    if entry.name.startswith(start):
                        name = f"{folder}/{entry.name}" if folder else entry.name
                        if entry.is_dir():
                            waiting.append(name)
                        else:
                            yield name
            start = ""


def _is_cached(descriptor: int, offset: int) -> bool:
    if not hasattr(os, "RWF_NOWAIT"):  # Linux has it
        return False
    try:
        return os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT) == 1
    except OSError:  # not in the cache, or the file system cannot tell
        return False


def _write_all(descriptor: int, buffers: Sequence[bytes | memoryview]) -> None:
    expected = sum(map(len, buffers))
    written = os.writev(descriptor, buffers)
    while written < expected:  # the kernel writes 2 GiB at most, and less when the disk is nearly full
        rest = memoryview(b"".join(buffers))[written:]
        buffers, expected = [rest], len(rest)
        written = os.writev(descriptor, buffers)


def _make_folders(folder: str, changed: list[str]) -> None:
    """Create a folder with its parents, noting the folders that get a new entry, which must be flushed."""
    missing = folder
    while not os.path.isdir(missing):
        missing = os.path.dirname(missing)
        changed.append(missing)
    if missing != folder:
        os.makedirs(folder, exist_ok=True)


def _flush_folder(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:  # the blob was deleted already, and its folder with it
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_dead_runs(incoming: Path) -> None:
    """Remove what dead processes had in the making. The caller holds the folder's lock, so no run is half begun."""
    for run in incoming.iterdir():
        if run.is_dir() and (lock := try_lock(run / "lock")) is not None:
            shutil.rmtree(run)
            os.close(lock)
