"""TensorBoard's event files, read as their format is described: length, checksum, record, checksum.

Format: https://www.tensorflow.org/tutorials/load_data/tfrecord
"""

import struct
from pathlib import Path
from typing import Any

from tensorboardX.crc32c import crc32c
from tensorboardX.proto import event_pb2


def events_of(data: bytes) -> list[Any]:
    """The events of a file, their checksums checked."""
    make: Any = event_pb2
    found: list[Any] = []
    while data:
        length, checksum = struct.unpack("<QI", data[:12])
        record, after = data[12 : 12 + length], data[12 + length : 16 + length]
        assert (checksum, *struct.unpack("<I", after)) == (masked(data[:8]), masked(record))
        found.append(make.Event.FromString(record))
        data = data[16 + length :]
    return found


def masked(data: bytes) -> int:
    """TensorFlow's mask of a CRC-32C."""
    sum_ = crc32c(data)
    return (((sum_ >> 15) | (sum_ << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def curves_below(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by name, of all files below a folder, in the order of their names."""
    found: dict[str, list[tuple[int, float]]] = {}
    for file in sorted(folder.rglob("events.out.tfevents.*")):
        for event in events_of(file.read_bytes()):
            for value in event.summary.value:
                found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found
