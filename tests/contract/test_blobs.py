"""What `storage.ports.Blobs` promises, asked of every adapter."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest

from dicom_core.storage.ports import BlobNotFound, Blobs

NAME = "Microsoft.Default/1.2.3/4.5.6/7.8.9/0001"
ALL_CHARACTERS = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in "/\\#?%")
MIB = 1024 * 1024


def pattern(length: int) -> bytes:
    """Bytes that differ from place to place, also at distances of whole chunks."""
    block = b"".join(number.to_bytes(4) for number in range(16_411))
    return (block * (length // len(block) + 1))[:length]


async def stream(chunks: Iterable[bytes | memoryview]) -> AsyncIterator[bytes | memoryview]:
    for chunk in chunks:
        yield chunk
        await asyncio.sleep(0)


async def content(blobs: Blobs, name: str, offset: int = 0, length: int | None = None) -> bytes:
    reader = await blobs.read(name, offset, length)
    chunks = [chunk async for chunk in reader]
    assert all(0 < len(chunk) <= 2 * MIB for chunk in chunks)
    data = b"".join(chunks)
    assert reader.size == len(data)
    return data


async def names(blobs: Blobs, prefix: str) -> list[str]:
    return sorted([name async for name in blobs.list(prefix)])


class TestPut:
    async def test_a_blob_comes_back_as_its_buffers_joined(self, blobs: Blobs) -> None:
        await blobs.put(NAME, [b"ab", memoryview(b"xcdx")[1:3], b"", b"ef"])

        assert await content(blobs, NAME) == b"abcdef"

    async def test_an_existing_blob_is_replaced(self, blobs: Blobs) -> None:
        await blobs.put(NAME, [b"long before"])
        await blobs.put(NAME, [b"now"])

        assert await content(blobs, NAME) == b"now"

    async def test_what_need_not_last_is_there_at_once(self, blobs: Blobs) -> None:
        await blobs.put(NAME, [b"ab", b"c"], lasting=False)

        assert await content(blobs, NAME) == b"abc"
        assert await names(blobs, "Microsoft") == [NAME]

    @pytest.mark.parametrize(("before", "after"), [(10, MIB), (MIB, 10), (MIB, 0)], ids=["larger", "smaller", "empty"])
    async def test_a_blob_may_give_way_to_one_of_another_size(self, blobs: Blobs, before: int, after: int) -> None:
        await blobs.put(NAME, [pattern(before)])
        await blobs.put(NAME, [pattern(after)])

        assert await content(blobs, NAME) == pattern(after)
        assert await names(blobs, "") == [NAME]
        await blobs.delete([NAME])
        assert await names(blobs, "") == []

    @pytest.mark.parametrize("data", [[], [b""]], ids=["no buffer", "empty buffer"])
    async def test_a_blob_may_be_empty(self, blobs: Blobs, data: list[bytes | memoryview]) -> None:
        await blobs.put(NAME, data)

        assert await content(blobs, NAME) == b""
        assert await content(blobs, NAME, 0, 10) == b""
        assert await names(blobs, "") == [NAME]

    async def test_more_buffers_than_one_system_call_takes(self, blobs: Blobs) -> None:
        data = pattern(30_000)

        await blobs.put(NAME, [data[start : start + 7] for start in range(0, len(data), 7)])

        assert await content(blobs, NAME) == data

    async def test_a_large_blob_comes_back(self, blobs: Blobs) -> None:
        data = pattern(20 * MIB + 7)
        await blobs.put(NAME, [data])

        assert await content(blobs, NAME) == data

    async def test_every_allowed_character_works_in_a_name(self, blobs: Blobs) -> None:
        name = f"folder/x{ALL_CHARACTERS}x/x{ALL_CHARACTERS}x"
        await blobs.put(name, [b"here"])

        assert await content(blobs, name) == b"here"
        assert await names(blobs, "folder/") == [name]
        await blobs.delete([name])
        assert await names(blobs, "") == []

    async def test_many_blobs_at_once(self, blobs: Blobs) -> None:
        await asyncio.gather(*(blobs.put(f"a/{number % 5}/{number}", [b"%d" % number]) for number in range(60)))

        assert await asyncio.gather(*(content(blobs, f"a/{number % 5}/{number}") for number in range(60))) == [b"%d" % n for n in range(60)]

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a#",
            "a?",
            "a%41",
            "a\x00",
            "a\n",
            "é",
            "a/" * 600 + "a",
        ],
        ids=lambda name: f"{name[:20]!a}",
    )
    async def test_a_name_that_is_none_is_a_value_error(self, blobs: Blobs, name: str) -> None:
        with pytest.raises(ValueError, match="blob name"):
            await blobs.put(name, [b""])
        with pytest.raises(ValueError, match="blob name"):
            await blobs.put_stream(name, stream([]))
        with pytest.raises(ValueError, match="blob name"):
            await blobs.read(name)
        with pytest.raises(ValueError, match="blob name"):
            await blobs.delete([name])


class TestPutStream:
    @pytest.mark.parametrize(
        ("length", "step"),
        [(0, 1), (1, 1), (5_000, 313), (MIB, MIB), (MIB + 1, MIB), (3 * MIB + 5, 99_991), (8 * MIB, 8 * MIB), (45 * MIB + 3, 3 * MIB + 1)],
    )
    async def test_a_stream_comes_back_whatever_its_chunks(self, blobs: Blobs, length: int, step: int) -> None:
        data = pattern(length)
        view = memoryview(data)

        written = await blobs.put_stream(NAME, stream(view[start : start + step] for start in range(0, length, step)))

        assert written == length
        assert await content(blobs, NAME) == data

    async def test_empty_chunks_do_no_harm(self, blobs: Blobs) -> None:
        assert await blobs.put_stream(NAME, stream([b"", b"a", b"", b"b", b""])) == 2
        assert await content(blobs, NAME) == b"ab"

    async def test_a_stream_replaces_an_existing_blob(self, blobs: Blobs) -> None:
        await blobs.put(NAME, [b"before"])
        data = pattern(9 * MIB)

        await blobs.put_stream(NAME, stream([data]))

        assert await content(blobs, NAME) == data

    @pytest.mark.parametrize("chunks", [0, 1, 20], ids=lambda chunks: f"after {chunks} MiB")
    async def test_a_stream_that_raises_leaves_nothing(self, blobs: Blobs, chunks: int) -> None:
        async def broken() -> AsyncIterator[bytes]:
            for _ in range(chunks):
                yield bytes(MIB)
            raise LookupError("the client went away")

        with pytest.raises(LookupError, match="went away"):
            await blobs.put_stream(NAME, broken())

        assert await names(blobs, "") == []
        with pytest.raises(BlobNotFound):
            await blobs.read(NAME)

    async def test_a_cancelled_stream_leaves_nothing(self, blobs: Blobs) -> None:
        started = asyncio.Event()

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(20):
                yield bytes(MIB)
            started.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(blobs.put_stream(NAME, endless()))
        await started.wait()
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names(blobs, "") == []

    async def test_nothing_is_visible_before_the_end(self, blobs: Blobs) -> None:
        async def watched() -> AsyncIterator[bytes]:
            for _ in range(12):
                yield bytes(MIB)
                assert await names(blobs, "") == []

        await blobs.put_stream(NAME, watched())

        assert await names(blobs, "") == [NAME]


class TestRead:
    @pytest.mark.parametrize("size", [10, 3 * MIB, 9 * MIB + 11])
    @pytest.mark.parametrize(
        ("offset", "length"),
        [
            (0, None),
            (0, 1),
            (3, 4),
            (3, 0),
            (9, 1),
            (9, 100),
            (10, 5),
            (5, None),
            (MIB - 1, 2),
            (MIB, 2 * MIB),
            (100, 8 * MIB),
            (2**33, 1),
            (0, 2**33),
        ],
    )
    async def test_a_range_is_cut_at_the_end(self, blobs: Blobs, size: int, offset: int, length: int | None) -> None:
        data = pattern(size)
        await blobs.put(NAME, [data])

        assert await content(blobs, NAME, offset, length) == data[offset : None if length is None else offset + length]

    @pytest.mark.parametrize("length", [None, 0, 10])
    async def test_a_blob_that_is_not_there(self, blobs: Blobs, length: int | None) -> None:
        await blobs.put("a/b", [b"x"])

        for name in ("a", "a/c", "a/b/c", "d/e"):
            with pytest.raises(BlobNotFound):
                await blobs.read(name, 0, length)

    async def test_nothing_is_there_before_the_first_blob(self, blobs: Blobs) -> None:
        with pytest.raises(BlobNotFound):
            await blobs.read(NAME)
        assert await names(blobs, "") == []
        await blobs.delete([NAME])

    @pytest.mark.parametrize("size", [10, 9 * MIB])
    async def test_a_reader_may_be_closed_at_any_time(self, blobs: Blobs, size: int) -> None:
        await blobs.put(NAME, [bytes(size)])

        unread = await blobs.read(NAME)
        await unread.aclose()
        await unread.aclose()
        begun = await blobs.read(NAME)
        async for chunk in begun:
            assert chunk
            await begun.aclose()
            break
        read = await blobs.read(NAME)
        assert sum([len(chunk) async for chunk in read]) == size
        await read.aclose()

    async def test_several_readers_at_once(self, blobs: Blobs) -> None:
        data = pattern(5 * MIB)
        await blobs.put(NAME, [data])

        assert await asyncio.gather(*(content(blobs, NAME, n * 1000, 2 * MIB) for n in range(8))) == [
            data[n * 1000 : n * 1000 + 2 * MIB] for n in range(8)
        ]

    async def test_a_delete_meets_readers(self, blobs: Blobs) -> None:
        """A reader sees the whole blob, or learns that it is gone; never anything else."""
        data = pattern(12 * MIB)
        await blobs.put(NAME, [data])

        async def read() -> bytes | None:
            try:
                return await content(blobs, NAME)
            except BlobNotFound:
                return None

        *results, _ = await asyncio.gather(*(read() for _ in range(4)), blobs.delete([NAME]))

        assert all(result in {data, None} for result in results)
        assert await read() is None


class TestDeleteAndList:
    async def test_deleting_takes_those_named_and_passes_over_absent_ones(self, blobs: Blobs) -> None:
        everything = [f"p/study/series/instance{number}/v" for number in range(40)]
        for name in [*everything, "p/other"]:
            await blobs.put(name, [b"x"])

        await blobs.delete([*everything[:39], "p/absent", "q/absent"])
        await blobs.delete([])

        assert await names(blobs, "") == ["p/other", everything[39]]

    async def test_a_blob_may_return_after_its_deletion(self, blobs: Blobs) -> None:
        await blobs.put(NAME, [b"first"])
        await blobs.delete([NAME])
        await blobs.put(NAME, [b"second"])

        assert await content(blobs, NAME) == b"second"

    async def test_deletes_and_puts_in_one_folder_at_once(self, blobs: Blobs) -> None:
        async def come_and_go(number: int) -> None:
            for _ in range(5):
                await blobs.put(f"a/b/c/{number}", [b"x"])
                await blobs.delete([f"a/b/c/{number}"])

        await asyncio.gather(*(come_and_go(number) for number in range(8)))

        assert await names(blobs, "") == []

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("", ["a/1/x", "a/1/y", "a/10/x", "a/2", "ab", "b/1"]),
            ("a", ["a/1/x", "a/1/y", "a/10/x", "a/2", "ab"]),
            ("a/", ["a/1/x", "a/1/y", "a/10/x", "a/2"]),
            ("a/1", ["a/1/x", "a/1/y", "a/10/x"]),
            ("a/1/", ["a/1/x", "a/1/y"]),
            ("a/1/x", ["a/1/x"]),
            ("a/1/x/", []),
            ("c/", []),
            ("b/1/2/3", []),
        ],
    )
    async def test_a_prefix_is_text_not_a_folder(self, blobs: Blobs, prefix: str, expected: list[str]) -> None:
        for name in ["a/1/x", "a/1/y", "a/10/x", "a/2", "ab", "b/1"]:
            await blobs.put(name, [b"x"])

        assert await names(blobs, prefix) == expected

    async def test_long_listings_come_whole(self, blobs: Blobs) -> None:
        everything = sorted(f"many/{number % 7}/{number}" for number in range(300))
        await asyncio.gather(*(blobs.put(name, [b""]) for name in everything))

        assert await names(blobs, "many/") == everything
