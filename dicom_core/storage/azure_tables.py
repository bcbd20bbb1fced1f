"""Tables in Azure Table Storage, through its async SDK.

The SDK repeats reads. A commit is repeated here, and only when the first attempt cannot have been carried out (no
connection, or turned away as too busy): so AlreadyExists and ConditionFailed never speak of the commit's own first attempt,
and a lost answer is StorageUnavailable. Whoever gets that must read the rows again before another try.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from aiohttp import ClientConnectorError
from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import EdmType, EntityProperty, TableEntity, UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from dicom_core.storage.azure_errors import unavailable
from dicom_core.storage.limits import check_batch, check_table
from dicom_core.storage.ports import AlreadyExists, ConditionFailed, Delete, Insert, Operation, Replace, Row, Upsert

__all__ = ["AzureTables"]

T = TypeVar("T")

_PAGE_ROWS = 1_000  # the most that the service returns at once
_CONCURRENT_GETS = 16
_ATTEMPTS = 4
_BACKOFF_SECONDS = 0.2
_BUSY = frozenset({429, 503})  # turned away unread
_RANGE = "PartitionKey eq @partition and RowKey ge @start and RowKey lt @end"

_TransactionOperation = tuple[str, Mapping[str, Any], Mapping[str, Any]]


class AzureTables:
    """`Tables` of one storage account. A `credential` given is closed with the tables."""

    def __init__(self, service: TableServiceClient, credential: AsyncTokenCredential | None = None) -> None:
        self._service = service
        self._credential = credential
        self._clients: dict[str, TableClient] = {}

    async def get(self, table: str, partition_key: str, row_key: str, *, select: Sequence[str] | None = None) -> Row | None:
        """Read one row, or None."""
        client = self._client(table)
        options = {} if select is None else {"select": _selected(select)}
        try:
            return _row(await client.get_entity(partition_key, row_key, **options))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise unavailable(error) from error

    async def get_many(self, table: str, partition_key: str, row_keys: Sequence[str]) -> dict[str, Row]:
        """Read several rows of one partition with concurrent point reads, by row key; absent rows are left out."""
        gate = asyncio.Semaphore(_CONCURRENT_GETS)

        async def get(row_key: str) -> Row | None:
            async with gate:
                return await self.get(table, partition_key, row_key)

        rows = await asyncio.gather(*map(get, row_keys))
        return {row.row_key: row for row in rows if row is not None}

    async def scan(
        self,
        table: str,
        partition_key: str,
        start: str,
        end: str,
        *,
        limit: int | None = None,
        select: Sequence[str] | None = None,
    ) -> AsyncIterator[list[Row]]:
        """Yield pages of rows with start <= row key < end as the service cuts them."""
        client = self._client(table)
        if start >= end or limit == 0:
            return
        left = limit
        pages = client.query_entities(
            _RANGE,
            parameters={"partition": partition_key, "start": start, "end": end},
            results_per_page=_PAGE_ROWS if limit is None else min(limit, _PAGE_ROWS),
            select=None if select is None else _selected(select),
        ).by_page()
        while left is None or left > 0:
            try:
                entities = [entity async for entity in await anext(pages)]
            except (StopAsyncIteration, ResourceNotFoundError):
                return
            except AzureError as error:
                raise unavailable(error) from error
            page = [_row(entity) for entity in entities[:left]]
            left = None if left is None else left - len(page)
            yield page

    async def commit(self, table: str, partition_key: str, operations: Sequence[Operation], *, lasting: bool = True) -> list[str | None]:
        """Apply all operations or none: as a transaction, or, most single ones, as a plain request at half the cost."""
        client = self._client(table)
        check_batch(partition_key, operations)
        transaction = [_transaction_operation(partition_key, operation) for operation in operations]
        try:
            try:
                return await _repeat(lambda: _send(client, transaction))
            except HttpResponseError as error:
                if not _is_table_missing(error):
                    raise
            with suppress(ResourceExistsError):
                await client.create_table()
            return await _repeat(lambda: _send(client, transaction))
        except HttpResponseError as error:
            raise _refusal(error, operations) from error
        except AzureError as error:
            raise unavailable(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._service.close()
        if self._credential is not None:
            await self._credential.close()

    def _client(self, table: str) -> TableClient:
        client = self._clients.get(table)
        if client is None:
            check_table(table)
            client = self._clients[table] = self._service.get_table_client(table)
        return client


async def _repeat(send: Callable[[], Awaitable[T]]) -> T:
    for attempt in range(1, _ATTEMPTS):
        try:
            return await send()
        except AzureError as error:
            if not _was_not_carried_out(error):
                raise
        await asyncio.sleep(_BACKOFF_SECONDS * 2**attempt * random.random())  # noqa: S311 not a secret
    return await send()


def _was_not_carried_out(error: AzureError) -> bool:
    return isinstance(error.inner_exception, ClientConnectorError) or (isinstance(error, HttpResponseError) and error.status_code in _BUSY)


async def _send(client: TableClient, transaction: list[_TransactionOperation]) -> list[str | None]:
    kind, entity, options = transaction[0]
    # A plain delete keeps silent about an absent row; a plain PUT may be repeated by aiohttp and then meet its own new ETag.
    if len(transaction) > 1 or kind == "delete" or "etag" in options:
        answers = await client.submit_transaction(transaction, retry_total=0)
    elif kind == "create":
        answers = [await client.create_entity(entity, retry_total=0)]
    elif kind == "upsert":
        answers = [await client.upsert_entity(entity, retry_total=0, **options)]
    else:
        answers = [await client.update_entity(entity, retry_total=0, **options)]
    return [answer.get("etag") for answer in answers]


def _transaction_operation(partition_key: str, operation: Operation) -> _TransactionOperation:
    match operation:
        case Insert(row_key, properties):
            return "create", _entity(partition_key, row_key, properties), {}
        case Upsert(row_key, properties):
            return "upsert", _entity(partition_key, row_key, properties), {"mode": UpdateMode.REPLACE}
        case Replace(row_key, properties, etag):
            return "update", _entity(partition_key, row_key, properties), {"mode": UpdateMode.REPLACE, **_condition(etag)}
        case Delete(row_key, etag):
            return "delete", _entity(partition_key, row_key, {}), _condition(etag)


def _condition(etag: str | None) -> dict[str, Any]:
    return {} if etag is None else {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def _entity(partition_key: str, row_key: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    entity: dict[str, Any] = {"PartitionKey": partition_key, "RowKey": row_key}
    for name, value in properties.items():
        entity[name] = (value, EdmType.INT64) if type(value) is int else value
    return entity


def _selected(select: Sequence[str]) -> list[str]:
    return ["RowKey", *select]


def _row(entity: TableEntity) -> Row:
    row_key = entity.pop("RowKey")
    entity.pop("PartitionKey", None)
    properties = {name: value.value if isinstance(value, EntityProperty) else value for name, value in entity.items() if value is not None}
    etag = entity.metadata["etag"]
    assert etag is not None
    return Row(row_key, properties, etag)


def _is_table_missing(error: HttpResponseError) -> bool:
    return error.status_code == 404 and "TableNotFound" in str(error)


def _refusal(error: HttpResponseError, operations: Sequence[Operation]) -> Exception:
    row_key = operations[getattr(error, "index", 0)].row_key
    if error.status_code == 412 or (error.status_code == 404 and not _is_table_missing(error)):
        return ConditionFailed(row_key)
    if error.status_code == 409 and "EntityAlreadyExists" in str(error):
        return AlreadyExists(row_key)
    if error.status_code == 413:
        return ValueError("the batch is larger than the service takes")
    return unavailable(error)
