"""Keys, audit, metrics and health over HTTP."""

import json

from collector_lines import session_lines
from collectors import make_key


def test_an_admin_makes_lists_and_revokes_keys_of_the_own_team(served, engine):
    """The text of a key is in one answer only; keys of another team are unknown."""
    made = served.post("/api/v1/keys", json.dumps({"role": "reader", "owner": "ci", "days": 3}).encode())
    assert made.status == 201
    assert served.get("/api/v1/events", key=made.json()["key"]).status == 200
    listed = served.get("/api/v1/keys")
    assert made.json()["key"].encode() not in listed.body
    assert {(row["owner"], row["state"], tuple(row["scopes"])) for row in listed.json()} >= {("ci", "valid", ("read",))}
    stranger = make_key(engine, team="other")
    assert served.request("DELETE", f"/api/v1/keys/{made.json()['id']}", key=stranger).status == 404
    assert len(served.get("/api/v1/keys", key=stranger).json()) == 1
    assert served.request("DELETE", f"/api/v1/keys/{made.json()['id']}").status == 200
    actions = [
        (row["action"], row["what"].get("made") or row["what"].get("revoked"))
        for row in served.get("/api/v1/audit").json()
    ]
    assert actions == [("key.revoked", made.json()["id"]), ("key.created", made.json()["id"])]


def test_admin_endpoints_need_the_admin_scope(served, engine):
    """A writer is refused everywhere."""
    writer = make_key(engine, role="writer")
    for method, path in (
        ("GET", "/keys"),
        ("POST", "/keys"),
        ("DELETE", "/keys/x"),
        ("GET", "/teams"),
        ("GET", "/audit"),
        ("GET", "/metrics"),
    ):
        assert served.request(method, f"/api/v1{path}", key=writer).status == 403, path


def test_wishes_that_make_no_sense_are_refused(served):
    """Unknown roles, scopes and fields are 400."""
    for body in (b"", b"[]", b'{"role": "king"}', b'{"scopes": ["all"]}', b'{"team": "other"}', b'{"days": 1e99}'):
        assert served.post("/api/v1/keys", body).status == 400, body


def test_metrics_count_what_was_pushed(served):
    """The counters are those of the answers."""
    lines = session_lines(1)
    served.push(b"".join(lines[:3]))
    served.push(b"".join(lines) + b"nonsense\n")
    text = served.get("/api/v1/metrics").body.decode()
    values = dict(line.split() for line in text.splitlines() if not line.startswith("#"))
    assert (values["insight_pushes_total"], values["insight_events_accepted_total"]) == ("2", str(len(lines)))
    assert (values["insight_events_known_total"], values["insight_findings_total"]) == ("3", "1")
    assert values["insight_segments_without_position"] == "0"


def test_health_needs_no_key_and_readiness_looks_at_the_schema(served, engine):
    """A database of another schema is not ready: 503."""
    from sqlalchemy import text

    assert served.request("GET", "/healthz", key="").status == 200
    assert served.request("GET", "/readyz", key="").status == 200
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    answer = served.request("GET", "/readyz", key="")
    assert (answer.status, "newer release" in answer.json()["detail"]) == (503, True)
    assert served.request("GET", "/healthz", key="").status == 200
