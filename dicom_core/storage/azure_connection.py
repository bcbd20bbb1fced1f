"""How the Azure adapters reach their account: by connection string, or by identity."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobServiceClient, LinearRetry

from dicom_core.storage.azure_blobs import READ_BYTES, WRITE_BYTES, AzureBlobs
from dicom_core.storage.azure_tables import AzureTables
from dicom_core.storage.azure_transport import AzureTransport

__all__ = ["AzureAccount", "open_azure"]

_RETRIES = 3


@dataclass(frozen=True, slots=True)
class AzureAccount:
    """Which account, and as whom; the names follow the settings of Azure Functions.

    Either `connection_string`, or `account_name`, or both service URIs. Without a connection string the credential is
    DefaultAzureCredential, which takes the managed identity `client_id` when there are several.
    """

    connection_string: str | None = None
    account_name: str | None = None
    table_service_uri: str | None = None
    blob_service_uri: str | None = None
    client_id: str | None = None


def open_azure(account: AzureAccount, *, container: str) -> tuple[AzureTables, AzureBlobs]:
    """Open both adapters; nothing is sent yet.

    Raises:
        ValueError: the account is not named, or its connection string is malformed.
    """
    logging.getLogger("azure").setLevel(logging.WARNING)  # at INFO it logs the URL and the headers of every request
    if account.connection_string is not None:
        tables = TableServiceClient.from_connection_string(account.connection_string, **_table_options())
        blobs = BlobServiceClient.from_connection_string(account.connection_string, **_blob_options())
        return AzureTables(tables), AzureBlobs(blobs, container)
    table_uri = account.table_service_uri or _service_uri(account.account_name, "table")
    blob_uri = account.blob_service_uri or _service_uri(account.account_name, "blob")
    credential = _default_credential(account.client_id)
    return (
        AzureTables(TableServiceClient(table_uri, credential=credential, **_table_options()), credential),
        AzureBlobs(BlobServiceClient(blob_uri, credential=credential, **_blob_options()), container),
    )


def _service_uri(account_name: str | None, service: str) -> str:
    if not account_name:
        raise ValueError(f"neither a connection string, nor an account name, nor a {service} service URI is given")
    return f"https://{account_name}.{service}.core.windows.net"


def _default_credential(client_id: str | None) -> AsyncTokenCredential:
    from azure.identity.aio import DefaultAzureCredential  # takes 0.3 s to import

    return DefaultAzureCredential(managed_identity_client_id=client_id)


def _table_options() -> dict[str, Any]:
    return {
        "transport": AzureTransport(),
        "retry_total": _RETRIES,
        "retry_backoff_factor": 0.2,
        "retry_backoff_max": 2,
    }


def _blob_options() -> dict[str, Any]:
    return {
        "transport": AzureTransport(),
        "retry_policy": LinearRetry(backoff=1, retry_total=_RETRIES, random_jitter_range=1),
        "max_single_get_size": READ_BYTES,
        "max_chunk_get_size": READ_BYTES,
        "max_single_put_size": WRITE_BYTES,
    }
