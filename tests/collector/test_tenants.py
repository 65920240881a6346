"""Two teams on one collector: what one team has is, for the other one, exactly like what does not exist."""

import json

import http_reference
import pytest
from collector_lines import session_lines
from collectors import make_key
from pytest_insight.collector.access.keys import split_key
from pytest_insight.collector.server import context

OURS = session_lines(1, 2, label="own", sut="shop")
FOREIGN, UNKNOWN = "k2", "k9"
THEIRS = session_lines(2, 4, label="k", sut="k2")
IDS = {  # foreign id of each parameter, and one of the same form that no team has
    "session": (FOREIGN, UNKNOWN),
    "nodeid": ("t.py::test_3", "t.py::test_7"),
    "pattern": ("test_3", "test_7"),
    "sut": (FOREIGN, UNKNOWN),
    "base": (FOREIGN, UNKNOWN),
    "target": (FOREIGN, UNKNOWN),
    "stream": (f"{2:032x}", f"{9:032x}"),
}


def operations():
    """Each operation with a parameter that names something of a team: method, path, name, others that it needs."""
    for path, methods in http_reference.make_described_app().openapi()["paths"].items():
        for method, operation in methods.items():
            parameters = operation.get("parameters", ())
            for parameter in parameters:
                if parameter["name"] in IDS:
                    needed = [other["name"] for other in parameters if other.get("required") and other is not parameter]
                    yield method.upper(), path, parameter, needed


OPERATIONS = list(operations())


@pytest.fixture(params=["both locks", "conditions alone"])
def teams(request, served, engine, monkeypatch):
    """A collector with two teams, also without row-level security; gives the key of the team that looks."""
    if request.param == "conditions alone":
        monkeypatch.setattr(context, "limit_request", lambda _: None)
    key = make_key(engine, team="curious")
    served.push(b"".join(THEIRS))
    served.push(b"".join(OURS), key=key)
    return served, key


def test_every_foreign_id_is_answered_as_an_unknown_one(teams):
    """For each endpoint and each id that it takes: status and body are equal, but for the id itself."""
    served, key = teams
    seen = set()
    for method, path, parameter, needed in OPERATIONS:
        answers = []
        for value in IDS[parameter["name"]]:
            query = "&".join([f"{name}=t.py::test_0" for name in needed])
            if parameter["in"] == "path":
                target = path.replace(f"{{{parameter['name']}}}", value)
            else:
                target, query = path, f"{query}&{parameter['name']}={value}"
            answer = served.request(method, f"{target}?{query}", key=key)
            answers.append((answer.status, answer.body.replace(value.encode(), b"ID")))
        assert answers[0] == answers[1], (path, parameter["name"])
        assert answers[0][0] in (200, 404), (path, parameter["name"], answers[0])
        assert b"test_3" not in answers[0][1], (path, parameter["name"])
        seen.add((path, parameter["name"]))
    assert len(seen) >= 20
    assert ("/api/v1/sessions/{session}", "session") in seen


def test_foreign_streams_and_keys_are_unknown(teams):
    """`have` leaves foreign streams out; a foreign key cannot be revoked, told from an unknown one, or seen."""
    served, key = teams
    answers = [
        served.post("/api/v1/have", json.dumps({"streams": {name: {"count": 6}}}).encode(), key=key).body
        for name in IDS["stream"]
    ]
    assert answers[0] == answers[1]
    foreign = split_key(served.key).id
    gone = [served.request("DELETE", f"/api/v1/keys/{name}", key=key) for name in (foreign, "00000000")]
    assert [answer.status for answer in gone] == [404, 404]
    assert gone[0].body == gone[1].body
    for path in ("/keys", "/teams", "/audit"):
        assert foreign.encode() not in served.get(f"/api/v1{path}", key=key).body
        assert b'"default"' not in served.get(f"/api/v1{path}", key=key).body
    assert served.get("/api/v1/events").status == 200


def test_a_pushed_session_of_a_foreign_label_is_no_conflict(teams):
    """Also where conflicts are refused, and where stream and digest are those of the other team."""
    served, key = teams
    document = json.dumps({"session_id": FOREIGN, "sut_name": "x", "session_start_time": "2026-11-20T10:00:00Z"})
    answer = served.post("/api/v1/sessions?on_conflict=error", document.encode(), key=key)
    assert answer.status in (201, 400), answer.body
    assert b"conflict" not in answer.body
    told = served.post("/api/v1/events?strict", b"".join(THEIRS), key=key)
    assert (told.status, told.json()["accepted"], told.json()["known"]) == (200, len(THEIRS), 0)


def test_an_export_of_a_team_has_its_own_lines_alone(teams):
    """The whole log, the feed and the list of sessions."""
    served, key = teams
    assert served.get("/api/v1/log", key=key).body == b"".join(OURS)
    assert served.export(key=key) == b"".join(OURS)
    assert [row["sut_name"] for row in served.get("/api/v1/sessions", key=key).json()] == ["shop"]
