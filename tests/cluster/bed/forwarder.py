"""A TCP forwarder on loopback, to cut, silence or refuse somebody's connections to a server."""

import contextlib
import socket
import threading


class Forwarder:
    """Forwards `port` (a free one of loopback) to another port of loopback."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._flowing = threading.Event()
        self._flowing.set()
        self._refusing = self._closed = False
        self.refused = 0
        """How many connections were refused so far."""
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection there is; new ones work."""
        with self._lock:
            gone, self._open = self._open, set()
        for one in gone:
            _break(one)

    def refuse(self) -> None:
        """Break every connection, and each new one at once, until `allow`."""
        self._refusing = True
        self.cut()

    def silence(self) -> None:
        """Keep every connection open, but let nothing through until `allow`: a dead watch."""
        self._flowing.clear()

    def allow(self) -> None:
        """Let everything through; what was held back goes first."""
        self._refusing = False
        self._flowing.set()

    def close(self) -> None:
        self._closed = True
        _break(self._listener)
        self.allow()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            with contextlib.suppress(OSError):
                client, _ = self._listener.accept()
                if self._refusing:
                    self.refused += 1
                    _break(client)
                    continue
                try:
                    server = socket.create_connection(("127.0.0.1", self._target), 5)
                except OSError:  # the server is away: so is its port here
                    _break(client)
                    continue
                server.settimeout(None)
                with self._lock:
                    self._open |= {client, server}
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flowing.wait()
                target.sendall(data)
        with self._lock:
            self._open -= {source, target}
        _break(source)
        _break(target)


def _break(one: socket.socket) -> None:
    # Closing alone would not wake a thread that waits in recv or accept.
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
