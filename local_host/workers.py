"""Serving processes: one, or several that share a listening socket so that Python can use several processor cores."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import socket
import sys
import threading
import time
from functools import partial
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from dicom_core.settings import SettingsError
from local_host.functions import AppError
from local_host.server import run, serve

__all__ = ["supervise", "work"]

_logger = logging.getLogger(__name__)

_YOUNG_SECONDS = 5  # a worker that exits sooner, and was not killed, will exit again: the cause is the app or its settings
_STOP_SECONDS = 20


def work(listener: socket.socket, index: int) -> int:
    """Serve in this process until SIGINT or SIGTERM; returns an exit code.

    The first worker also runs the timers, and says where the service is.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    first = index == 0
    announce = partial(_announce, _base_url(listener)) if first else _say_nothing
    try:
        run(serve(listener, with_timers=first, on_ready=announce))
    except (AppError, SettingsError) as error:
        print(f"Cannot host the app: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0  # stopped before it served
    return 0


def supervise(listener: socket.socket, count: int) -> int:
    """Run `count` workers until SIGINT or SIGTERM and replace those that die; returns an exit code."""
    context = multiprocessing.get_context("spawn")
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())

    def start(index: int) -> tuple[SpawnProcess, float]:
        process = context.Process(target=_work_and_exit, args=(listener, index), name=f"worker {index}")
        process.start()
        return process, time.monotonic()

    processes = [start(index) for index in range(count)]
    failed = False
    while not (stopping.is_set() or failed):
        wait([process.sentinel for process, _ in processes], timeout=0.5)
        for index, (process, started) in enumerate(processes):
            if stopping.is_set() or process.is_alive():
                continue
            _logger.error("worker %d ended with code %s", index, process.exitcode)
            killed = process.exitcode is not None and process.exitcode < 0
            if not killed and time.monotonic() - started < _YOUNG_SECONDS:
                failed = True
            else:
                processes[index] = start(index)
    _stop([process for process, _ in processes])
    return 1 if failed else 0


def _work_and_exit(listener: socket.socket, index: int) -> None:
    sys.exit(work(listener, index))


def _stop(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _STOP_SECONDS
    for process in processes:
        process.join(max(0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(base_url: str) -> None:
    print(f"Serving {base_url} (Ctrl-C stops)", f"Try:    curl -i {base_url}/v2/studies", sep="\n", flush=True)


def _say_nothing() -> None:
    """The first worker speaks for all."""
