"""A gate between clients and a collector: it can be shut, and cuts the connections that go through it."""

import contextlib
import socket
import threading


class Gate:
    """Forwards connections to a collector while it is open.

    Args:
        target: URL of the collector.
    """

    def __init__(self, target):
        self.target = target
        self.connections = 0
        self.bytes_max = None
        """Bytes of an answer that are let through before its connection is cut; None for all."""
        self._listening = None
        self._pairs = []
        self._threads = []
        self.port = 0
        self.open()

    @property
    def url(self):
        """URL of the gate."""
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        """Take connections."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.is_open = True
        self.port = self._listening.getsockname()[1]
        thread = threading.Thread(target=self._accept, args=(self._listening,), daemon=True)
        self._threads.append(thread)
        thread.start()

    def shut(self):
        """Refuse connections, and cut those that there are."""
        self._listening.shutdown(socket.SHUT_RDWR)
        for pair in list(self._pairs):
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening.close()
        self._threads.clear()
        self.is_open = False

    def _accept(self, listening):
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._forward, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _forward(self, client):
        host, _, port = self.target.removeprefix("http://").partition(":")
        with client, contextlib.suppress(OSError), socket.create_connection((host, int(port))) as server:
            pair = (client, server)
            self._pairs.append(pair)
            asking = threading.Thread(target=self._copy, args=(client, server, None), daemon=True)
            asking.start()
            self._copy(server, client, self.bytes_max)
            asking.join()
            self._pairs.remove(pair)

    def _copy(self, source, target, limit):
        done = 0
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                done += len(data)
                if limit is not None and done > limit:
                    break
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
