"""A small app with one function of each kind that the host has to serve."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import azure.functions as func
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response, StreamingResponse

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
_LOG = Path(os.environ.get("SAMPLE_APP_LOG", os.devnull))


def _note(line: str) -> None:
    with _LOG.open("a", encoding="utf-8") as log:
        log.write(line + "\n")


@app.route("echo/{first}/{second?}", methods=["GET"])
async def echo(req: Request) -> JSONResponse:
    return JSONResponse({"params": req.path_params, "query": req.url.query})


@app.route("nothing", methods=["GET", "HEAD"])
async def nothing(req: Request) -> Response:
    return Response(b"small")


@app.route("upload", methods=["POST"])
async def upload(req: Request) -> JSONResponse:
    digest = hashlib.sha256()
    size = largest = 0
    async for chunk in req.stream():
        digest.update(chunk)
        size += len(chunk)
        largest = max(largest, len(chunk))
    return JSONResponse({"size": size, "largest": largest, "sha256": digest.hexdigest()})


@app.route("download/{chunks:int}", methods=["GET"])
async def download(req: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        for index in range(int(req.path_params["chunks"])):
            _note(f"chunk {index}")
            yield bytes(256 * 1024)

    return StreamingResponse(body())


@app.route("slow", methods=["GET"])
async def slow(req: Request) -> Response:
    _note("slow started")
    await asyncio.sleep(1)
    return Response(b"done")


@app.route("broken", methods=["GET"])
async def broken(req: Request) -> Response:
    raise RuntimeError("no luck")


@app.route("torn", methods=["GET"])
async def torn(req: Request) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        yield b"begin"
        raise RuntimeError("no luck")

    return StreamingResponse(body())


@app.route("process", methods=["GET"])
async def process(req: Request) -> Response:
    return Response(str(os.getpid()))


@app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
async def tick(timer: func.TimerRequest) -> None:
    _note(f"tick {os.getpid()}")


async def close() -> None:
    _note(f"closed {os.getpid()}")
