"""The Sync Storage service, beside a bare Starlette application on uvicorn that keeps nothing, and answers as much."""

import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .measure import WORK, Figure, environment

WORKERS = 64
SLOW = 500
BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def answer(request):
    body = await request.json() if request.method == "POST" else {}
    return JSONResponse({"status": "ok", "message": "", "pid": body.get("pid", ""), "is_master": False})

paths = ["/register", "/in_progress_test_result", "/keep_alive", "/health"]
app = Starlette(routes=[Route(path, answer, methods=["GET", "POST"]) for path in paths])
uvicorn.run(app, port=int(sys.argv[1]), http="h11", loop="asyncio", log_level="error", timeout_keep_alive=900)
"""


class Load(NamedTuple):
    """What a number of clients got out of a service."""

    per_second: float
    median_ms: float
    p99_ms: float


def measure(*, quick: bool = False) -> list[Figure]:
    """Return registrations and results per second, latency under 64 workers, and the time until it is healthy."""
    count = 10 if quick else 40
    figures = [_start_figure(3 if quick else 9)]
    services = {"ours": _ours, "bare": _bare}
    loads: dict[str, dict[str, list[Load]]] = {name: {} for name in services}
    for _ in range(1 if quick else 3):
        for name, service in services.items():
            with service() as port:
                for what in ("register", "in_progress_test_result", "keep_alive"):
                    loads[name].setdefault(what, []).append(asyncio.run(_load(port, what, count)))
    titles = {"register": "registrations", "in_progress_test_result": "results", "keep_alive": "keep-alives"}
    for what, title in titles.items():
        ours, bare = (_median(loads[name][what]) for name in services)
        ratio = ours.per_second / bare.per_second
        target = {"register": 0.2, "in_progress_test_result": 0.35, "keep_alive": 0.5}[what]
        note = f"{ours.per_second:.0f} against {bare.per_second:.0f} per second; each on disk before its answer"
        figures.append(
            Figure(f"sync storage: {title}", f"{ratio:.2f}x bare app", f">= {target:g}x", ratio >= target, note)
        )
        note = f"median {ours.median_ms:.0f} ms; bare app p99 {bare.p99_ms:.0f} ms"
        slow = ours.p99_ms
        figures.append(
            Figure(f"sync storage: p99 of {title}, {WORKERS} workers", f"{slow:.0f} ms", "< 500 ms", slow < 500, note)
        )
    with _ours() as port, _slow(port, SLOW):
        load = asyncio.run(_load(port, "in_progress_test_result", count))
    note = f"{SLOW} connections that never send the rest; median {load.median_ms:.0f} ms, {WORKERS} workers"
    name = "sync storage: p99 beside slow clients"
    return [*figures, Figure(name, f"{load.p99_ms:.0f} ms", "< 500 ms", load.p99_ms < 500, note)]


@contextmanager
def _slow(port: int, count: int) -> Iterator[None]:
    """So many connections that send half a request."""
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
    for sock in slow:
        sock.sendall(b"POST /register HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
    try:
        yield
    finally:
        for sock in slow:
            sock.close()


def _start_figure(rounds: int) -> Figure:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        with _ours():
            taken.append(time.perf_counter() - began)
    middle = statistics.median(taken)
    note = f"slowest of {rounds}: {max(taken):.2f} s; adapters give up after 5 s"
    return Figure("sync storage: start to healthy", f"{middle:.2f} s", "< 1 s", middle < 1, note)


def _median(loads: list[Load]) -> Load:
    return Load(*(statistics.median(values) for values in zip(*loads, strict=True)))


@contextmanager
def _ours() -> Iterator[int]:
    shutil.rmtree(WORK / "home" / "sync-storage", ignore_errors=True)
    command = [sys.executable, "-m", "pytest_insight.cli", "sync-storage", "serve", "--port"]
    with _running(command) as port:
        yield port


@contextmanager
def _bare() -> Iterator[int]:
    with _running([sys.executable, "-c", BARE]) as port:
        yield port


@contextmanager
def _running(command: list[str]) -> Iterator[int]:
    """Start a service with a free port as its last argument, wait until it is healthy, and kill it in the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([*command, str(port)], env=environment(), stdout=quiet, stderr=quiet)
    try:
        while not _is_healthy(port):
            if process.poll() is not None:
                raise RuntimeError(f"ended with {process.returncode}: {' '.join(command)}")
            time.sleep(0.005)
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


async def _load(port: int, what: str, count: int) -> Load:
    """Let 64 workers send so many requests each, one after the other, over a connection of their own."""
    taken: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_worker(port, what, number, count, taken) for number in range(WORKERS)))
    passed = time.perf_counter() - began
    taken.sort()
    return Load(len(taken) / passed, taken[len(taken) // 2] * 1000, taken[int(len(taken) * 0.99)] * 1000)


async def _worker(port: int, what: str, number: int, count: int, taken: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for turn in range(count):
        body = {"pid": f"w{number}-{turn}", "testRunId": "run", "osPid": os.getpid()}
        body |= {"autoTestExternalId": f"t{number}-{turn}", "statusCode": "Passed", "projectId": "p"}
        data = json.dumps(body).encode()
        head = f"POST /{what}?testRunId=run HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        began = time.perf_counter()
        writer.write(head.encode() + data)
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        taken.append(time.perf_counter() - began)
    writer.close()
    await writer.wait_closed()
