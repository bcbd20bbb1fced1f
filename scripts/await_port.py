"""Waits until something listens on each of the given ports of this machine, for at most a minute."""

from __future__ import annotations

import socket
import sys
import time


def main(ports: list[int]) -> int:
    """Try each port until it answers."""
    deadline = time.monotonic() + 60
    for port in ports:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    print(f"nothing listens on port {port}", file=sys.stderr)
                    return 1
                time.sleep(0.05)
    return 0


if __name__ == "__main__":
    sys.exit(main([int(argument) for argument in sys.argv[1:]]))
