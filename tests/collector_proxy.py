"""A proxy that loses, repeats, delays, cuts and reorders requests, between a client and a collector."""

import asyncio
import random
import threading
from collections import Counter

FAULTS = ("lose", "lose answer", "repeat", "delay", "cut", "cut answer", "hold")


class FaultProxy:
    """Forwards each request to a collector, with a fault in some of them.

    Args:
        port: gives the port of the collector now; it may change when the collector is started again.
        share: of the requests that have a fault.
        seed: of the dice.
    """

    def __init__(self, port, share=0.2, seed=1):
        self._port, self._share, self._dice = port, share, random.Random(seed)
        self.faults = Counter()
        self._loop = asyncio.new_event_loop()
        self._held = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._ready.wait()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        self._ready.set()
        self._loop.run_forever()
        self._server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
            self._loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def close(self):
        """End the proxy."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader, writer):
        """Take one request of a connection, and close the connection after its answer."""
        try:
            request = await read_message(reader)
            fault = self._dice.choice(FAULTS) if self._dice.random() < self._share else ""
            self.faults[fault] += 1
            writer.write(await self._answer(request, fault))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, ConnectionError):
            pass  # a cut connection is what the client is tested with
        finally:
            writer.close()

    async def _answer(self, request, fault):
        if fault == "lose":
            return b""
        if fault == "delay":
            await asyncio.sleep(self._dice.random() * 0.3)
        if fault == "hold":
            # Goes on after the next request of any client: requests arrive in another order than they were sent.
            gate = asyncio.Event()
            self._held.append(gate)
            try:
                await asyncio.wait_for(gate.wait(), 0.3)
            except TimeoutError:
                self._held.remove(gate)
        elif self._held:
            self._held.pop().set()
        if fault == "cut":
            await self._forward(request[: len(request) * 2 // 3], whole=False)
            return b""
        if fault == "repeat":
            await asyncio.gather(self._forward(request), return_exceptions=True)
        answer = await self._forward(request)
        return {"lose answer": b"", "cut answer": answer[: len(answer) // 2]}.get(fault, answer)

    async def _forward(self, request, *, whole=True):
        """Send a request on its own connection and return the answer; of a part of one nothing is waited for."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port())
        try:
            writer.write(request)
            await writer.drain()
            return await read_message(reader) if whole else b""
        finally:
            writer.close()


async def read_message(reader):
    """Read one request or answer with its body, whose length is announced."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head
