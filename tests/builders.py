"""Stand-ins for what pytest, xdist and other plugins hand to the recorder, and states of test data from a few events."""

from types import SimpleNamespace

from pytest_insight.plugin.attempts.texts import Policy
from pytest_insight.plugin.redaction.redactor import Redactor
from pytest_insight.plugin.settings import Settings

PHASES = ("setup", "call", "teardown")


def make_report(when="call", outcome="passed", **more):
    """A report of one phase, as pytest makes it."""
    fields = {
        "nodeid": "test_a.py::test_a",
        "location": ("test_a.py", 0, "test_a"),
        "when": when,
        "outcome": outcome,
        "duration": 0.001,
        "longrepr": None,
        "longreprtext": "",
        "sections": [],
        "user_properties": [],
    }
    return SimpleNamespace(**fields | more)


def make_policy(output="failed", limit=10_000, patterns=()):
    """The settings that decide which texts are recorded."""
    return Policy(output, limit, Redactor(patterns))


def make_settings(**changed):
    """Settings with the values of a run that sets none."""
    fields = {
        "enabled": True, "profile": "", "log": "", "sut": "", "system_name": "", "durability": "session",
        "output": "failed", "output_limit": 10_000, "tags": {}, "strict": False, "redact": [], "environment": [],
    }  # fmt: skip
    return Settings(**fields | changed)


class Writer:
    """A writer that keeps events in a list."""

    def __init__(self, stream="0123456789abcdef" * 2):
        self.stream = stream
        self.events = []
        self.dropped = self.held = 0
        self.troubles = []
        self.redact_event = SimpleNamespace(node_id=lambda nodeid: nodeid.replace("secret", "[redacted]"))

    def append(self, event):
        """Keep the event."""
        self.events.append(event)


def make_recording(config=None, writer=None, **settings):
    """The state of a session whose events go into a list."""
    from pytest_insight.plugin.recording import Recording

    writer = writer or Writer()
    return Recording(config or SimpleNamespace(), make_settings(**settings), writer, "", Redactor())


def make_node(worker="gw0", **more):
    """A worker of xdist, as its controller sees it."""
    return SimpleNamespace(gateway=SimpleNamespace(id=worker, **more))


class Raises:
    """A value of another plugin that raises in everything that is asked of it."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __iter__ = __len__ = __round__ = __mul__ = __eq__ = __str__
    __hash__ = None


def fold_events(*events, state=None, start=0):
    """The state of test data after some events, each at a position of its own."""
    from pytest_insight.eventlog.journal import Entry
    from pytest_insight.testdata.model.fold import TestDataState

    state = state or TestDataState()
    for number, event in enumerate(events):
        state.apply(Entry(start + number * 10, "", number, start + number * 10, event))
    return state


def make_created(key, value=1, **more):
    """The event of a new resource."""
    from pytest_insight.testdata.model.events import ResourceCreated
    from pytest_insight.testdata.model.values import as_content

    content = as_content(value)
    fields = {"namespace": "n", "data_type": "row", "session": "s", "version": "1.0.0"} | more
    return ResourceCreated(resource_id=key, content=content.digest, data=content.data, **fields)
