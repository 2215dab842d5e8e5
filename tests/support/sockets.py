"""What a process and its descendants listen on, read from /proc (Linux)."""

import ipaddress
from pathlib import Path


def descendants(root: int) -> set[int]:
    """The process numbers of `root` and of all below it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # ended meanwhile
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = set[int](), [root]
    while todo:
        found.add(number := todo.pop())
        todo += children.get(number, [])
    return found


def listening(processes: set[int]) -> set[tuple[str, int]]:
    """The (address, port) of every TCP socket on which one of the processes listens."""
    theirs: set[str] = set()
    for number in processes:
        for descriptor in Path(f"/proc/{number}/fd").glob("*"):
            try:
                target = str(descriptor.readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                theirs.add(target[8:-1])
    found: set[tuple[str, int]] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if not Path(table).exists():
            continue
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in theirs:
                address, port = fields[1].split(":")
                found.add((_address(address), int(port, 16)))
    return found


def _address(hexadecimal: str) -> str:
    """An address as /proc/net writes it: words of four bytes, each in the machine's order."""
    raw = bytes.fromhex(hexadecimal)
    packed = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def outside(addresses: set[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those of the addresses that are not loopback."""
    return {pair for pair in addresses if not ipaddress.ip_address(pair[0]).is_loopback}
