"""The service of one process: adapters and features, put together as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from dicom_core.change_feed.service import ChangeFeedService
from dicom_core.delete.expiry import delete_expired
from dicom_core.delete.service import DeleteService
from dicom_core.health import HealthService
from dicom_core.index.clock import Clock
from dicom_core.index.index import Index
from dicom_core.index.shards import fixed_shards
from dicom_core.index.sweeper import sweep
from dicom_core.partitions.service import PartitionService
from dicom_core.retrieve.bulk_data import BulkDataService
from dicom_core.retrieve.documents import DocumentService
from dicom_core.retrieve.frames import FrameService
from dicom_core.retrieve.rendering import RenderService
from dicom_core.retrieve.service import RetrieveService
from dicom_core.retrieve.workers import Workers
from dicom_core.search.query import SearchOptions
from dicom_core.search.service import SearchService
from dicom_core.settings import Settings
from dicom_core.storage.ports import Blobs, StorageError, Tables
from dicom_core.store.service import StoreService

__all__ = ["OpenServices", "Services", "compose", "open_services"]

_log = logging.getLogger(__name__)

_SHARDS = {"azure": 8, "embedded": 1}


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers and timers work with."""

    settings: Settings
    index: Index
    workers: Workers
    partitions: PartitionService
    store: StoreService
    retrieve: RetrieveService
    frames: FrameService
    rendering: RenderService
    documents: DocumentService
    bulk_data: BulkDataService
    search: SearchService
    search_options: SearchOptions
    delete: DeleteService
    change_feed: ChangeFeedService
    health: HealthService

    async def sweep(self, *, outbox_age: float | None = None) -> None:
        """Finish what crashed requests left, in every partition; by default what is as old as the settings say."""
        partitions = [info.partition for info in await self.partitions.all()]
        outbox_age = self.settings.sweep_outbox_seconds if outbox_age is None else outbox_age
        await sweep(self.index, partitions, outbox_age=outbox_age, journal_age=self.settings.sweep_upload_seconds)

    async def recover(self) -> None:
        """Pay at once what a process before this one may have left owing; the timer tries again if that fails."""
        try:
            await self.sweep(outbox_age=0)
        except StorageError as error:
            _log.warning("nothing was swept at the start: %s", type(error).__name__)

    async def expire(self) -> None:
        """Delete the studies whose time has come, in every partition."""
        partitions = [info.partition for info in await self.partitions.all()]
        await delete_expired(self.index, self.delete, partitions)

    async def close(self) -> None:
        """Finish what runs in the background, and let go of the storage."""
        await self.workers.close()
        await self.index.close()
        await self.index.tables.close()
        await self.index.blobs.close()


async def open_services(settings: Settings) -> Services:
    """Open the storage that the settings name, inside the event loop that will use it.

    Raises:
        StorageUnavailable: it cannot be reached.
    """
    tables, blobs = await asyncio.to_thread(_open_storage, settings)
    services = await compose(settings, tables, blobs, Clock())
    services.index.background(services.recover())
    return services


async def compose(settings: Settings, tables: Tables, blobs: Blobs, clock: Clock) -> Services:
    """Put the features on top of a storage."""
    index = Index(tables, blobs, clock, await fixed_shards(tables, settings.shards or _SHARDS[settings.storage]))
    workers = Workers()
    frames = FrameService(index, workers, settings.max_converted_bytes)
    return Services(
        settings=settings,
        index=index,
        workers=workers,
        partitions=PartitionService(tables, clock),
        store=StoreService(index),
        retrieve=RetrieveService(index, workers, settings.max_converted_bytes),
        frames=frames,
        bulk_data=BulkDataService(index, workers, frames, settings.max_converted_bytes),
        documents=DocumentService(index, workers, settings.max_converted_bytes),
        rendering=RenderService(index, workers, settings.max_converted_bytes),
        search=SearchService(index),
        search_options=SearchOptions(settings.search_combined_date_times, settings.search_any_order_names),
        delete=DeleteService(index),
        change_feed=ChangeFeedService(index),
        health=HealthService(tables, blobs),
    )


def _open_storage(settings: Settings) -> tuple[Tables, Blobs]:
    if settings.storage == "embedded":
        from dicom_core.storage.embedded_store import open_embedded

        return open_embedded(Path(settings.data))
    from dicom_core.storage.azure_connection import AzureAccount, open_azure  # the SDKs take a second to import

    account = AzureAccount(
        connection_string=settings.storage_connection_string or None,
        account_name=settings.storage_account or None,
        table_service_uri=settings.table_service_uri or None,
        blob_service_uri=settings.blob_service_uri or None,
        client_id=settings.storage_client_id or None,
    )
    return open_azure(account, container=settings.container)


class OpenServices:
    """The services of a process, opened by the first request or timer that needs them."""

    def __init__(self, settings: Settings, opener: Callable[[Settings], Awaitable[Services]] = open_services) -> None:
        self._settings = settings
        self._opener = opener
        self._services: Services | None = None
        self._opening = asyncio.Lock()

    async def __call__(self) -> Services:
        """The services; when opening them fails, the next call tries again."""
        if self._services is None:
            async with self._opening:
                if self._services is None:
                    self._services = await self._opener(self._settings)
        return self._services

    async def close(self) -> None:
        """Close the services, if they were ever opened."""
        if self._services is not None:
            services, self._services = self._services, None
            await services.close()
