"""What the failures of the Azure SDK mean to callers."""

from __future__ import annotations

from azure.core.exceptions import AzureError, HttpResponseError

from dicom_core.storage.ports import StorageUnavailable

__all__ = ["unavailable"]


def unavailable(error: AzureError) -> StorageUnavailable:
    """Name the kind of failure only: the SDK's texts may hold URLs."""
    kind = type(error).__name__
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return StorageUnavailable(kind if status is None else f"{kind} {status}")
