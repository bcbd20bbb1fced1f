"""Advisory locks between processes, on files that outlive them; the kernel releases a lock when its process dies.

They are those of POSIX systems, as is the flushing of folders in `blob_folder`: the embedded store does not run on Windows.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["folder_lock", "try_lock"]


@contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Hold a folder for one process (and one caller in it) at a time, waiting for it if need be."""
    file = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def try_lock(path: Path) -> int | None:
    """Lock a file, creating it, until the returned descriptor is closed; None when another holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file
