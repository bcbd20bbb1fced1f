"""``python -m local_host``: serves the app of the working directory until Ctrl-C."""

from __future__ import annotations

import argparse
import errno
import json
import os
import socket
import sys
from pathlib import Path

from local_host.workers import supervise, work

__all__ = ["main"]


def main() -> int:
    """Parse the command line, open the port, serve. Returns an exit code."""
    parser = argparse.ArgumentParser(prog="python -m local_host", description="Serve the Functions app of the working directory.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=7071, help="port to listen on, 0 for any free one (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port (default: %(default)s)")
    parser.add_argument("--settings", type=Path, help="file in the form of local.settings.json; the environment wins over it")
    options = parser.parse_args()
    if options.settings is not None:
        _set_environment(options.settings)
    try:
        listener = _listen(options.host, options.port)
    except OSError as error:
        print(f"Cannot listen on {options.host} port {options.port}: {_reason(error)}", file=sys.stderr)
        return 1
    with listener:
        return work(listener, 0) if options.workers <= 1 else supervise(listener, options.workers)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("must be a number from 0 to 65535")
    return int(text)


def _set_environment(path: Path) -> None:
    for name, value in json.loads(path.read_text(encoding="utf-8")).get("Values", {}).items():
        os.environ.setdefault(name, str(value))


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "the port is taken. Stop what uses it, or choose another port (make run PORT=7072)."
    return str(error.strerror or error)


if __name__ == "__main__":
    sys.exit(main())
