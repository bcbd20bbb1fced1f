"""The embedded store: tables and blobs of one folder."""

from __future__ import annotations

from pathlib import Path

from dicom_core.storage.embedded_blobs import EmbeddedBlobs
from dicom_core.storage.embedded_tables import EmbeddedTables

__all__ = ["open_embedded"]


def open_embedded(folder: Path) -> tuple[EmbeddedTables, EmbeddedBlobs]:
    """Open both adapters on a folder, which is created when absent: ``index.sqlite`` and, for large blobs, ``files``.

    Raises:
        StorageUnavailable: the folder cannot be used.
        RuntimeError: another version of this program wrote it.
    """
    tables = EmbeddedTables(folder / "index.sqlite")
    return tables, EmbeddedBlobs(folder / "files", tables.file)
