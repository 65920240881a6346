"""Listening sockets on the loopback addresses."""

import errno
import socket

__all__ = ["BACKLOG", "PortInUseError", "listen"]

BACKLOG = 2048


class PortInUseError(OSError):
    """Another process listens on the port: a Sync Storage service, or another program."""


def listen(port: int) -> list[socket.socket]:
    """Listen on the loopback addresses of IPv4 and, if available, of IPv6; no other process can use the port then.

    Args:
        port: port number; 0 for any free port.

    Raises:
        PortInUseError: another process listens there.
    """
    first = _open_listener(socket.AF_INET, "127.0.0.1", port)
    try:
        return [first, _open_listener(socket.AF_INET6, "::1", first.getsockname()[1])]
    except PortInUseError:
        first.close()
        raise
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            first.close()
            raise
        return [first]


def _open_listener(family: int, host: str, port: int) -> socket.socket:
    # With an explicit protocol asyncio turns off Nagle's algorithm, which would delay every answer by 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        # At once: with SO_REUSEADDR two processes may bind one port, and only the first to listen has it.
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(errno.EADDRINUSE, "another process listens there", f"port {port}") from error
        raise
    return sock
