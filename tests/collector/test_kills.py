"""Nothing that was acknowledged is lost, whatever is killed and when."""

import http.client
import threading
import time

import psutil
import pytest
from collector_lines import session_lines
from collectors import start_collector

WRITERS = 3


class Writer(threading.Thread):
    """Pushes sessions line by line, each line until it is acknowledged."""

    def __init__(self, place, number):
        super().__init__()
        self.place, self.number, self.acknowledged, self.stopping, self.wrong = place, number, [], False, []

    def run(self):
        """Push until told to stop."""
        session = self.number
        while not self.stopping:
            for line in session_lines(session, 2):
                self.push(line)
            session += WRITERS

    def push(self, line):
        """Repeat a push until there is an answer."""
        while not self.stopping:
            try:
                answer = self.place["collector"].post("/api/v1/events", line, timeout_s=20)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
                continue
            if answer.status == 200:
                told = answer.json()
                if told["conflicts"] or told["accepted"] + told["known"] != 1:
                    self.wrong.append(told)
                self.acknowledged.append(line)
                return
            assert answer.status == 503, answer.body
            assert int(answer.headers["retry-after"]) > 0
            time.sleep(0.05)


def wait_for_pushes(writers, count):
    """Wait until each writer has so many more lines acknowledged."""
    aims = [len(writer.acknowledged) + count for writer in writers]
    deadline = time.monotonic() + 120
    while any(len(writer.acknowledged) < aim for writer, aim in zip(writers, aims, strict=True)):
        assert time.monotonic() < deadline, "no push succeeded after the kill"
        time.sleep(0.01)


def postmaster_of(folder):
    """Process of the private PostgreSQL in a folder."""
    return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))


@pytest.fixture
def private(open_folder):
    """A collector with a private PostgreSQL, replaceable by the test; gives place and folder."""
    folder = open_folder
    place = {"collector": start_collector(folder)}
    yield place, folder
    place["collector"].stop()


def test_no_acknowledged_event_is_lost_by_kills(private):
    """The process of the server is killed, and PostgreSQL, under load: all is there, each event once."""
    place, folder = private
    port, key = place["collector"].url.rpartition(":")[2], place["collector"].key
    writers = [Writer(place, number + 1) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for victim in ("server", "postgres"):
            wait_for_pushes(writers, 10)
            if victim == "server":
                place["collector"].kill()
                place["collector"] = start_collector(folder, port=int(port), key=key)
            else:
                postmaster_of(folder).kill()
        wait_for_pushes(writers, 5)
    finally:
        for writer in writers:
            writer.stopping = True
        for writer in writers:
            writer.join()
    acknowledged = [line for writer in writers for line in writer.acknowledged]
    stored = place["collector"].get("/api/v1/log").body.splitlines(keepends=True)
    assert [writer.wrong for writer in writers] == [[]] * WRITERS
    assert len(stored) == len(set(stored))
    assert set(acknowledged) <= set(stored)
    assert sorted(place["collector"].export().splitlines(keepends=True)) == sorted(stored)


def test_an_end_leaves_no_postgres(open_folder):
    """A server that was started after another one was killed stops PostgreSQL when it ends."""
    folder = open_folder
    first = start_collector(folder)
    first.kill()
    second = start_collector(folder, key=first.key)
    second.push(session_lines(1)[0])
    postmaster = postmaster_of(folder)
    second.stop()
    gone, _ = psutil.wait_procs([postmaster], 20)
    assert gone or postmaster.status() == psutil.STATUS_ZOMBIE
