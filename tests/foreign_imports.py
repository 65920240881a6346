"""A log in memory that reports are imported into, and what is in it."""

import json
from collections import Counter, defaultdict
from types import SimpleNamespace

from pytest_insight.core.exchange.store import SessionStore
from pytest_insight.eventlog.merging.conflicts import Strategy
from pytest_insight.interchange.importing import import_path
from pytest_insight.interchange.reading import ForeignOptions

AT_US = 1_795_000_000_000_000


class Imports:
    """Imports files, and reads the log with the standard library alone."""

    def __init__(self, log=None):
        self.store = SessionStore(log)
        self.log = log

    def take(self, path, dry_run=False, **options):
        return import_path(self.store, path, Strategy.SKIP_EXISTING, ForeignOptions(**options), dry_run=dry_run)

    def lines(self):
        if self.log is not None:
            return self.log.read_bytes().splitlines() if self.log.exists() else []
        with self.store.target.source.open() as stream:
            return stream.read().splitlines()

    def events(self, kind=None):
        events = [json.loads(line) for line in self.lines()]
        return [event for event in events if kind in (None, event["type"])]

    def facts(self):
        """Return verdicts by test, attempts and flaky tests, counted from the events by the rules of the format page."""
        tests = defaultdict(list)
        for event in self.events("test.finished"):
            tests[event["stream"], event["nodeid"]].append(event["outcome"])
        verdicts = Counter(outcomes[-1] for outcomes in tests.values())
        verdicts.update("error" for _ in self.events("collection.failed"))
        bad = {"rerun", "failed", "error"}
        flaky = [test for test, outcomes in tests.items() if outcomes[-1] == "passed" and bad & set(outcomes[:-1])]
        return SimpleNamespace(
            verdicts=dict(verdicts), attempts=sum(map(len, tests.values())), flaky=len(flaky), tests=dict(tests)
        )
