"""Reads the native protocol of the journal, as journald does."""

import socket
import struct


def received(journald: socket.socket) -> list[dict[str, list[str]]]:
    """Return the entries received so far."""
    entries = []
    while True:
        try:
            entries.append(decode(journald.recv(1024**2)))
        except BlockingIOError:
            return entries


def decode(data: bytes) -> dict[str, list[str]]:
    entry: dict[str, list[str]] = {}
    while data:
        head, _, data = data.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            (length,) = struct.unpack("<Q", data[:8])
            value, data = data[8 : 8 + length], data[9 + length :]
        entry.setdefault(name.decode(), []).append(value.decode())
    return entry
