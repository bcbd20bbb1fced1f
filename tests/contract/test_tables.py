"""What `storage.ports.Tables` promises, asked of every adapter."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from dicom_core.storage.ports import (
    MAX_BATCH_ROWS,
    MAX_KEY_CHARACTERS,
    MAX_PROPERTY_BYTES,
    AlreadyExists,
    ConditionFailed,
    Delete,
    Insert,
    Operation,
    Replace,
    Row,
    Tables,
    Upsert,
    Value,
)

PK = "Microsoft.Default~0"
KEY_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "/\\#?%")

NO_PROPERTIES: dict[str, Any] = {}


async def insert(tables: Tables, table: str, row_key: str, **properties: Value) -> str:
    (etag,) = await tables.commit(table, PK, [Insert(row_key, properties)])
    assert etag is not None
    return etag


async def fill(tables: Tables, table: str, row_keys: Sequence[str]) -> None:
    for first in range(0, len(row_keys), MAX_BATCH_ROWS):
        await tables.commit(table, PK, [Insert(key, {"n": 1}) for key in row_keys[first : first + MAX_BATCH_ROWS]])


async def keys_of(pages: AsyncIterator[list[Row]]) -> list[str]:
    return [row.row_key async for page in pages for row in page]


async def value_of(tables: Tables, table: str, row_key: str) -> Value | None:
    row = await tables.get(table, PK, row_key)
    return None if row is None else row.properties["n"]


class TestReading:
    async def test_nothing_is_found_in_a_table_that_does_not_exist_yet(self, tables: Tables, table: str) -> None:
        assert await tables.get(table, PK, "a") is None
        assert await tables.get_many(table, PK, ["a", "b"]) == {}
        assert await keys_of(tables.scan(table, PK, "a", "z")) == []

    async def test_get_answers_what_was_inserted(self, tables: Tables, table: str) -> None:
        etag = await insert(tables, table, "a", text="x", number=7)

        assert await tables.get(table, PK, "a") == Row("a", {"text": "x", "number": 7}, etag)

    async def test_get_finds_nothing_under_another_key_or_partition(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "a", n=1)

        assert await tables.get(table, PK, "b") is None
        assert await tables.get(table, "other", "a") is None

    async def test_select_brings_at_least_what_it_names(self, tables: Tables, table: str) -> None:
        etag = await insert(tables, table, "a", wanted="x", other="y")

        row = await tables.get(table, PK, "a", select=["wanted", "absent"])
        pages = [page async for page in tables.scan(table, PK, "a", "b", select=["wanted"])]

        assert row is not None
        assert (row.row_key, row.etag, row.properties["wanted"]) == ("a", etag, "x")
        assert "absent" not in row.properties
        assert [(row.row_key, row.etag, row.properties["wanted"]) for page in pages for row in page] == [("a", etag, "x")]

    async def test_get_many_leaves_out_absent_rows(self, tables: Tables, table: str) -> None:
        row_keys = [f"r{number:03d}" for number in range(150)]
        await fill(tables, table, row_keys)

        found = await tables.get_many(table, PK, [*row_keys, "absent"])

        assert sorted(found) == row_keys
        assert found["r007"].row_key == "r007"

    async def test_get_many_of_nothing_is_empty(self, tables: Tables, table: str) -> None:
        assert await tables.get_many(table, PK, []) == {}


class TestScanning:
    async def test_rows_come_in_the_order_of_their_bytes(self, tables: Tables, table: str) -> None:
        row_keys = [f"x{character}" for character in KEY_CHARACTERS]
        await tables.commit(table, PK, [Insert(key, {"n": 1}) for key in reversed(row_keys)])

        assert await keys_of(tables.scan(table, PK, "x", "y")) == sorted(row_keys)

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            ("b", "d", ["b", "bb", "c"]),
            ("a", "b", ["a"]),
            ("aa", "bb", ["b"]),
            ("", "~", ["a", "b", "bb", "c", "d"]),
            ("d", "d", []),
            ("d", "a", []),
            ("e", "f", []),
        ],
    )
    async def test_the_start_is_included_and_the_end_is_not(
        self, tables: Tables, table: str, start: str, end: str, expected: list[str]
    ) -> None:
        await fill(tables, table, ["a", "b", "bb", "c", "d"])
        await tables.commit(table, "other", [Insert("b", {"n": 1})])

        assert await keys_of(tables.scan(table, PK, start, end)) == expected

    async def test_quotes_in_bounds_are_text(self, tables: Tables, table: str) -> None:
        await fill(tables, table, ["O'A", "O'B", "P"])

        assert await keys_of(tables.scan(table, PK, "O'A", "O'B")) == ["O'A"]

    async def test_long_ranges_come_whole_in_several_pages(self, tables: Tables, table: str) -> None:
        row_keys = [f"r{number:05d}" for number in range(2_300)]
        await fill(tables, table, row_keys)

        pages = [page async for page in tables.scan(table, PK, "r", "s")]

        assert [row.row_key for page in pages for row in page] == row_keys
        assert max(map(len, pages)) <= 1_000

    @pytest.mark.parametrize("limit", [0, 1, 2, 128, 129, 250, 300])
    async def test_a_limit_holds_for_all_pages_together(self, tables: Tables, table: str, limit: int) -> None:
        row_keys = [f"r{number:05d}" for number in range(250)]
        await fill(tables, table, row_keys)

        assert await keys_of(tables.scan(table, PK, "r", "s", limit=limit)) == row_keys[:limit]

    async def test_large_rows_come_in_small_pages(self, tables: Tables, table: str) -> None:
        properties = {f"p{number}": bytes(60_000) for number in range(8)}
        for number in range(12):
            await tables.commit(table, PK, [Insert(f"r{number:02d}", properties)])

        pages = [page async for page in tables.scan(table, PK, "r", "s")]

        assert [row.row_key for page in pages for row in page] == [f"r{number:02d}" for number in range(12)]

    async def test_a_scan_may_be_left_before_its_end(self, tables: Tables, table: str) -> None:
        await fill(tables, table, [f"r{number:05d}" for number in range(1_200)])

        async for page in tables.scan(table, PK, "r", "s"):
            assert page[0].row_key == "r00000"
            break

        assert await value_of(tables, table, "r01199") == 1

    async def test_later_pages_tell_what_is_there_when_they_are_fetched(self, tables: Tables, table: str) -> None:
        row_keys = [f"r{number:05d}" for number in range(1_300)]
        await fill(tables, table, row_keys)

        pages = tables.scan(table, PK, "r", "s")
        seen = [row.row_key for row in await anext(pages)]
        await tables.commit(table, PK, [Delete("r01250"), Insert("r01300", {"n": 1})])
        seen += await keys_of(pages)

        assert seen == [key for key in [*row_keys, "r01300"] if key != "r01250"]


class TestValues:
    @pytest.mark.parametrize(
        "value",
        [
            0,
            -1,
            2**31,
            2**63 - 1,
            -(2**63),
            True,
            False,
            0.5,
            2.0,
            -1e300,
            math.inf,
            "",
            "plain",
            "Ünïcode 患者^太郎 🙂",
            "quotes ' \" and \\ and\nlines\t",
            "2023-04-10T00:00:00Z",
            b"",
            bytes(range(256)),
            b"\xff" * MAX_PROPERTY_BYTES,
            "x" * (MAX_PROPERTY_BYTES // 2),
            "患" * (MAX_PROPERTY_BYTES // 2),
        ],
        ids=lambda value: f"{type(value).__name__}-{str(value)[:12]!a}",
    )
    async def test_a_value_comes_back_as_it_was(self, tables: Tables, table: str, value: Value) -> None:
        await insert(tables, table, "a", value=value)

        row = await tables.get(table, PK, "a")

        assert row is not None
        assert row.properties == {"value": value}
        assert type(row.properties["value"]) is type(value)

    async def test_not_a_number_comes_back(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "a", value=math.nan)

        row = await tables.get(table, PK, "a")

        assert row is not None
        assert math.isnan(float(row.properties["value"]))

    async def test_a_row_may_have_no_properties(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "a")

        row = await tables.get(table, PK, "a")

        assert row is not None
        assert row.properties == {}

    async def test_a_row_of_nearly_one_megabyte_comes_back(self, tables: Tables, table: str) -> None:
        properties: dict[str, Value] = {f"p{number:02d}": bytes([number]) * MAX_PROPERTY_BYTES for number in range(15)}
        await tables.commit(table, PK, [Insert("a", properties)])

        row = await tables.get(table, PK, "a")

        assert row is not None
        assert row.properties == properties

    async def test_every_key_character_works_in_both_keys(self, tables: Tables, table: str) -> None:
        key = f"x{KEY_CHARACTERS}x"
        for operation in (Insert(key, {"n": 1}), Upsert(key, {"n": 2}), Replace(key, {"n": 3}, None)):
            await tables.commit(table, key, [operation])
        await tables.commit(table, key, [Insert("b", {"n": 1}), Replace(key, {"n": 4}, None)])

        row = await tables.get(table, key, key)

        assert row is not None
        assert row.properties == {"n": 4}
        assert await tables.commit(table, key, [Delete(key, row.etag)]) == [None]

    async def test_a_key_of_the_greatest_length_works(self, tables: Tables, table: str) -> None:
        key = "k" * MAX_KEY_CHARACTERS
        await tables.commit(table, key, [Insert(key, {"n": 1})])

        assert await tables.get(table, key, key) is not None


class TestCommitting:
    async def test_insert_refuses_an_existing_row(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "a", n=1)

        with pytest.raises(AlreadyExists) as refusal:
            await tables.commit(table, PK, [Insert("a", {"n": 2})])

        assert refusal.value.row_key == "a"
        assert await value_of(tables, table, "a") == 1

    async def test_upsert_writes_and_replaces_whole(self, tables: Tables, table: str) -> None:
        await tables.commit(table, PK, [Upsert("a", {"old": 1, "n": 1})])
        await tables.commit(table, PK, [Upsert("a", {"n": 2})])

        row = await tables.get(table, PK, "a")

        assert row is not None
        assert row.properties == {"n": 2}

    @pytest.mark.parametrize("others", [0, 2], ids=["alone", "in a batch"])
    async def test_replace_takes_the_etag_read_and_replaces_whole(self, tables: Tables, table: str, others: int) -> None:
        etag = await insert(tables, table, "a", old=1, n=1)
        more = [Upsert(f"other{number}", {"n": 1}) for number in range(others)]

        first, *_ = await tables.commit(table, PK, [Replace("a", {"n": 2}, etag), *more])

        assert await tables.get(table, PK, "a") == Row("a", {"n": 2}, first or "")

    async def test_replace_without_an_etag_takes_any_row(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "a", n=1)

        await tables.commit(table, PK, [Replace("a", {"n": 2}, None)])

        assert await value_of(tables, table, "a") == 2

    @pytest.mark.parametrize("operation", [Replace("absent", {"n": 1}, None), Delete("absent")], ids=["replace", "delete"])
    @pytest.mark.parametrize("alone", [True, False])
    async def test_an_absent_row_fails_the_condition(self, tables: Tables, table: str, operation: Operation, alone: bool) -> None:
        await insert(tables, table, "a", n=1)

        with pytest.raises(ConditionFailed) as refusal:
            await tables.commit(table, PK, [operation] if alone else [Upsert("a", {"n": 2}), operation])

        assert refusal.value.row_key == "absent"
        assert await value_of(tables, table, "a") == 1

    @pytest.mark.parametrize("operation", [Replace("absent", {"n": 1}, None), Delete("absent")], ids=["replace", "delete"])
    async def test_an_absent_table_fails_the_condition(self, tables: Tables, table: str, operation: Operation) -> None:
        with pytest.raises(ConditionFailed):
            await tables.commit(table, PK, [operation])

    @pytest.mark.parametrize("alone", [True, False])
    @pytest.mark.parametrize("kind", ["replace", "delete"])
    async def test_an_old_etag_fails_the_condition(self, tables: Tables, table: str, kind: str, alone: bool) -> None:
        etag = await insert(tables, table, "a", n=1)
        await tables.commit(table, PK, [Upsert("a", {"n": 2})])
        operation: Operation = Replace("a", {"n": 3}, etag) if kind == "replace" else Delete("a", etag)

        with pytest.raises(ConditionFailed) as refusal:
            await tables.commit(table, PK, [operation] if alone else [Insert("b", {"n": 1}), operation])

        assert refusal.value.row_key == "a"
        assert await value_of(tables, table, "a") == 2
        assert await tables.get(table, PK, "b") is None

    async def test_an_etag_does_not_survive_delete_and_insert(self, tables: Tables, table: str) -> None:
        etag = await insert(tables, table, "a", n=1)
        await tables.commit(table, PK, [Delete("a", etag)])
        await insert(tables, table, "a", n=1)

        with pytest.raises(ConditionFailed):
            await tables.commit(table, PK, [Delete("a", etag)])

    async def test_etags_are_those_that_a_read_shows(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "c", n=1)
        operations: list[Operation] = [Insert("a", {"n": 1}), Upsert("b", {"n": 1}), Delete("c"), Upsert("d", {"n": 1})]

        etags = await tables.commit(table, PK, operations)

        rows = [row async for page in tables.scan(table, PK, "a", "z") for row in page]
        assert etags == [rows[0].etag, rows[1].etag, None, rows[2].etag]

    async def test_etags_are_never_the_same_for_two_writes_of_a_row(self, tables: Tables, table: str) -> None:
        etags = [(await tables.commit(table, PK, [Upsert("a", {"n": number})]))[0] for number in range(50)]

        assert len(set(etags)) == 50

    async def test_a_refused_batch_writes_nothing(self, tables: Tables, table: str) -> None:
        await fill(tables, table, ["kept", "replaced", "there"])
        operations: list[Operation] = [
            Insert("new", {"n": 2}),
            Upsert("upserted", {"n": 2}),
            Replace("replaced", {"n": 2}, None),
            Delete("kept"),
            Insert("there", {"n": 2}),
        ]

        with pytest.raises(AlreadyExists) as refusal:
            await tables.commit(table, PK, operations)

        assert refusal.value.row_key == "there"
        assert await keys_of(tables.scan(table, PK, "a", "z")) == ["kept", "replaced", "there"]
        assert await value_of(tables, table, "replaced") == 1

    async def test_tables_and_partitions_do_not_mix(self, tables: Tables, table: str) -> None:
        for name, partition in ((table, PK), (table, "other"), (f"{table}2", PK)):
            await tables.commit(name, partition, [Insert("a", {"n": 1})])
        await tables.commit(table, PK, [Delete("a")])

        assert await tables.get(table, PK, "a") is None
        assert await tables.get(table, "other", "a") is not None
        assert await tables.get(f"{table}2", PK, "a") is not None

    async def test_many_tasks_may_meet_a_new_table(self, tables: Tables, table: str) -> None:
        await asyncio.gather(*(insert(tables, table, f"r{number}", n=1) for number in range(10)))

        assert len(await keys_of(tables.scan(table, PK, "r", "s"))) == 10


class TestLimits:
    async def test_a_hundred_operations_are_one_batch(self, tables: Tables, table: str) -> None:
        await fill(tables, table, [f"r{number:03d}" for number in range(MAX_BATCH_ROWS)])

        etags = await tables.commit(table, PK, [Delete(f"r{number:03d}") for number in range(MAX_BATCH_ROWS)])

        assert etags == [None] * MAX_BATCH_ROWS
        assert await keys_of(tables.scan(table, PK, "r", "s")) == []

    async def test_a_batch_of_nearly_four_megabytes_is_taken(self, tables: Tables, table: str) -> None:
        properties = {f"p{number}": bytes(60_000) for number in range(6)}
        await tables.commit(table, PK, [Insert(f"r{number}", properties) for number in range(8)])

        assert len(await keys_of(tables.scan(table, PK, "r", "s"))) == 8

    @pytest.mark.parametrize(
        ("operations"),
        [
            [],
            [Insert(f"r{number}", {}) for number in range(MAX_BATCH_ROWS + 1)],
            [Insert("a", {"n": 1}), Delete("a")],
            [Insert("", {})],
            [Insert("k" * (MAX_KEY_CHARACTERS + 1), {})],
            *([Insert(f"a{character}", {})] for character in "/\\#?%\x00\n\x7fé"),
            [Insert("a", {"p": b"x" * (MAX_PROPERTY_BYTES + 1)})],
            [Insert("a", {"p": "x" * (MAX_PROPERTY_BYTES // 2 + 1)})],
            [Insert("a", {"p": "🙂" * (MAX_PROPERTY_BYTES // 4 + 1)})],
            [Insert("a", {f"p{number}": b"x" * 60_000 for number in range(18)})],
            [Insert(f"r{number}", {f"p{index}": b"x" * 60_000 for index in range(12)}) for number in range(5)],
            [Insert("a", {f"p{number}": 1 for number in range(253)})],
            [Insert("a", {"p": 2**63})],
            [Insert("a", {"p": -(2**63) - 1})],
            [Insert("a", NO_PROPERTIES | {"p": None})],
            [Insert("a", NO_PROPERTIES | {"p": ["x"]})],
            [Insert("a", {"Timestamp": 1})],
            [Insert("a", {"PartitionKey": "x"})],
            [Insert("a", {"RowKey": "x"})],
            [Insert("a", {"not a name": 1})],
        ],
        ids=lambda operations: f"{len(operations)}-{str(operations)[:40]!a}",
    )
    async def test_a_breach_is_a_value_error_and_writes_nothing(self, tables: Tables, table: str, operations: list[Operation]) -> None:
        with pytest.raises(ValueError, match=r".+"):
            await tables.commit(table, PK, operations)

        assert await keys_of(tables.scan(table, PK, " ", "~")) == []

    @pytest.mark.parametrize("name", ["", "ab", "1abc", "with-dash", "x" * 64])
    async def test_a_table_name_that_azure_refuses_is_a_value_error(self, tables: Tables, name: str) -> None:
        with pytest.raises(ValueError, match="table name"):
            await tables.get(name, PK, "a")


class TestConcurrency:
    async def test_of_many_inserts_of_one_row_one_succeeds(self, tables: Tables, table: str) -> None:
        results = await asyncio.gather(*(insert(tables, table, "a", n=number) for number in range(50)), return_exceptions=True)

        written = [number for number, result in enumerate(results) if isinstance(result, str)]
        assert len(written) == 1
        assert await value_of(tables, table, "a") == written[0]
        assert sum(isinstance(result, AlreadyExists) for result in results) == 49

    async def test_concurrent_commits_end_as_if_one_came_after_the_other(self, tables: Tables, table: str) -> None:
        """200 batches: each inserts a row of its own and raises one of four counters that 50 of them share."""
        await fill(tables, table, [f"counter{number}" for number in range(4)])

        async def raise_counter(number: int) -> None:
            counter = f"counter{number % 4}"
            while True:
                row = await tables.get(table, PK, counter)
                assert row is not None
                raised = Replace(counter, {"n": int(row.properties["n"]) + 1}, row.etag)
                try:
                    await tables.commit(table, PK, [Insert(f"row{number:03d}", {}), raised])
                except ConditionFailed:
                    continue
                return

        gate = asyncio.Semaphore(16)

        async def gated(number: int) -> None:
            async with gate:
                await raise_counter(number)

        await asyncio.gather(*(gated(number) for number in range(200)))

        assert [await value_of(tables, table, f"counter{number}") for number in range(4)] == [51] * 4
        assert len(await keys_of(tables.scan(table, PK, "row", "rox"))) == 200

    async def test_a_refused_batch_does_not_hurt_those_beside_it(self, tables: Tables, table: str) -> None:
        await insert(tables, table, "there", n=1)
        good = [tables.commit(table, PK, [Insert(f"good{n:02d}", {}), Insert(f"more{n:02d}", {})]) for n in range(20)]
        bad = [tables.commit(table, PK, [Insert(f"bad{n:02d}", {}), Insert("there", {})]) for n in range(20)]

        results = await asyncio.gather(*(commit for pair in zip(good, bad, strict=True) for commit in pair), return_exceptions=True)

        assert [type(result) for result in results] == [list, AlreadyExists] * 20
        assert len(await keys_of(tables.scan(table, PK, "a", "z"))) == 41
