"""Through a network that loses, repeats, cuts and reorders, every event arrives once, and no conflict is made up."""

import random

from collector_lines import session_lines
from collector_proxy import FAULTS, FaultProxy
from collector_pushing import StubbornClient


def test_every_event_arrives_once_through_a_faulty_network(served):
    """Three clients, one of them with what another one has, too; 40 % of the requests have a fault."""
    sessions = [session_lines(number, random.Random(number).randint(0, 30)) for number in range(40)]
    lines = [line for lines in sessions for line in lines]
    proxy = FaultProxy(lambda: int(served.url.rpartition(":")[2]), share=0.4)
    try:
        parts = (lines[: len(lines) // 2], lines[len(lines) // 2 :], lines[len(lines) // 3 : -50])
        clients = [StubbornClient(proxy.url, served.key, part, seed) for seed, part in enumerate(parts)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    finally:
        proxy.close()
    assert [client.conflicts + client.findings for client in clients] == [[], [], []]
    assert sum(client.accepted for client in clients) <= len(lines), "an event was stored twice"
    assert served.get("/api/v1/log").body == b"".join(lines)
    assert sorted(served.export().splitlines(keepends=True)) == sorted(lines)
    assert sum(proxy.faults[fault] for fault in FAULTS) > 5


def test_an_answer_before_the_commit_is_caught(served, monkeypatch):
    """The defect that answers before the transaction is committed loses what was acknowledged, which a pull shows."""
    from pytest_insight.collector.ingest.accepting import AcceptedLines
    from pytest_insight.collector.server import events_api

    def acknowledge_without_commit(engine, team, key, parsed, **_):
        return AcceptedLines(accepted=sum(map(len, parsed.streams.values())))

    monkeypatch.setattr(events_api, "accept_lines", acknowledge_without_commit)
    lines = session_lines(1)
    assert served.push(b"".join(lines))["accepted"] == len(lines)
    assert served.get("/api/v1/log").body != b"".join(lines)
