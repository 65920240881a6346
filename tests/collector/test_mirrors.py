"""Remote profiles and `--remote`: a collector is asked as if its log were local."""

import json
import os
import shutil
import subprocess
import sys
import threading

import pytest
from collector_homes import Home, merged
from collector_lines import session_lines
from collector_readers import Reader, push, remote
from collectors import make_key
from pytest_insight.cli import app as main
from pytest_insight.collector.access.keys import revoke_key, split_key
from pytest_insight.collector.client.mirrors import Mirror
from pytest_insight.eventlog.reader import Record, read_records

QUESTIONS = (
    "session list --all",
    "session show last",
    "session compare last --base 6days",
    "sut list",
    "test list --all",
    "test show test_b.py::test_0",
    "test history test_b.py::test_0",
    "test trends test_b.py::test_0",
    "analytics summary",
    "analytics analyze",
    "analytics failures",
    "history list",
)


@pytest.fixture
def reader(tmp_path, team):
    """A home with a remote profile."""
    return Reader(tmp_path / "reader", team)


def test_every_question_has_the_answer_of_a_merge_of_the_logs(tmp_path, team, reader):
    """Question by question, as a remote profile and with --remote, and as the collector's own answer."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    for name in ("a", "b"):
        first.record(name)
    second.record("b", 5)
    second.record("c", collect=False)
    for home in (first, second):
        home.sync(team)
    local = Home(tmp_path / "local")
    merged(tmp_path, first.log, second.log)
    local.log.write_bytes((tmp_path / "merged.jsonl").read_bytes())
    for question in QUESTIONS:
        words = [*question.replace("--base 6days", "").split(), "--json"]
        expected = _without_places(json.loads(local.here(*words).stdout))
        assert expected, question
        assert _without_places(json.loads(reader.ask(*words).stdout)) == expected, question
        assert _without_places(json.loads(remote(reader, team, *words).stdout)) == expected, question


def _without_places(answer):
    """Return an answer without byte offsets, which depend on the order in which the log was written."""
    if isinstance(answer, dict):
        return {key: _without_places(value) for key, value in answer.items() if key != "position"}
    return [_without_places(each) for each in answer] if isinstance(answer, list) else answer


def test_each_question_fetches_what_is_new(team, reader):
    """What is pushed is in the next answer, and each event is in the mirror once."""
    push(team, 1, 2)
    assert reader.names() == ["s1", "s2"]
    push(team, 3)
    assert reader.names() == ["s1", "s2", "s3"]
    assert reader.mirror.read_bytes() == b"".join(line for n in (1, 2, 3) for line in session_lines(n))


def test_nothing_new_costs_one_request_and_no_look_at_the_log(team, reader, gate, monkeypatch):
    """The mirror is not read where the collector has no news."""
    push(team, 1)
    reader.names()
    before = gate.connections
    mirror = Mirror(team.url, reader.mirror, api_key=team.key, home=reader.folder)
    monkeypatch.setattr("pytest_insight.collector.client.tracking.LogDigests", None)
    assert mirror.catch_up().problem == ""
    assert gate.connections == before + 1


def test_news_are_added_without_reading_the_log_again(team, reader, monkeypatch):
    """Of a mirror that nobody else writes to, only what is new is read."""
    push(team, *range(1, 30))
    reader.names()
    before = reader.mirror.stat().st_size
    starts = []

    def noted(log, *, start=0, **more):
        starts.append(start)
        return read_records(log, start=start, **more)

    monkeypatch.setattr("pytest_insight.collector.client.digests.read_records", noted)
    push(team, 30)
    mirror = Mirror(team.url, reader.mirror, api_key=team.key, home=reader.folder)
    assert mirror.catch_up().problem == ""
    assert min(starts) == before
    assert len(reader.names()) == 30


def test_without_the_collector_the_mirror_answers_and_says_as_of_when(team, reader, gate):
    """Standard output and exit code are as always; stderr names URL, reason and time."""
    push(team, 1)
    reader.names()
    gate.shut()
    result = reader.ask("session", "list", "--json")
    assert [each["session_id"] for each in json.loads(result.stdout)] == ["s1"]
    assert team.url in result.stderr
    assert "cannot be reached" in result.stderr
    assert "answers are as of 20" in result.stderr
    gate.open()
    push(team, 2)
    assert reader.ask("session", "list", "--json").stderr == ""
    assert reader.names() == ["s1", "s2"]


def test_without_collector_and_mirror_there_is_an_error_and_no_empty_answer(team, reader, gate):
    """A collector that was never reached is not one without sessions."""
    gate.shut()
    result = reader.ask("session", "list", "--json", check=False)
    assert (result.returncode, result.stdout) == (3, "")
    assert "cannot be reached" in result.stderr
    assert "nothing was fetched" in result.stderr


def test_a_collector_without_events_has_no_sessions(team, reader):
    """An empty team is an answer."""
    assert json.loads(reader.ask("session", "list", "--json").stdout) == []


def test_a_fetch_that_was_cut_off_is_not_taken_for_a_whole_one(team, reader, gate):
    """The answer lacks a part: it says so, and the exit code is 1; the next question goes on."""
    push(team, 1)
    reader.names()
    kept = next(path for path in (reader.folder / "remotes").glob("*.json"))
    kept.write_bytes(kept.read_bytes().replace(b'"complete_us":', b'"complete_us":0,"was":'))
    gate.shut()
    result = reader.ask("session", "list", "--json", check=False)
    assert (result.returncode, len(json.loads(result.stdout))) == (1, 1)
    assert "answers lack a part" in result.stderr
    gate.open()
    assert reader.ask("session", "list").returncode == 0


def test_an_answer_that_is_cut_off_adds_nothing_twice(team, reader, gate):
    """A connection that breaks within a page: the mirror has whole events or none, and the next question goes on."""
    lines = push(team, *range(1, 40), text="x" * 3000)
    gate.bytes_max = 30_000
    assert reader.ask("session", "list", check=False).returncode == 3
    gate.bytes_max = None
    assert len(reader.names()) == 39
    assert sorted(reader.mirror.read_bytes().splitlines()) == sorted(lines.splitlines())


def test_a_wrong_key_is_an_error_without_a_mirror_and_a_warning_with_one(shared, team, reader):
    """As for a collector that is away; the key itself is nowhere in the output."""
    wrong = "ik_00000000_" + "x" * 43
    result = reader.ask("session", "list", check=False, key=wrong)
    assert result.returncode == 3
    assert "401" in result.stderr
    assert "INSIGHT_API_KEY" in result.stderr
    push(team, 1)
    assert reader.names() == ["s1"]
    result = reader.ask("session", "list", "--json", key=wrong)
    assert len(json.loads(result.stdout)) == 1
    assert "401" in result.stderr
    assert "as of" in result.stderr
    assert "xxxx" not in result.stderr


def test_a_key_of_another_team_mixes_nothing(shared, team, reader):
    """A profile holds the events of one team."""
    push(team, 1)
    assert reader.names() == ["s1"]
    other = make_key(shared.context.engine, team="other-team")
    result = reader.ask("session", "list", "--json", key=other)
    assert [each["session_id"] for each in json.loads(result.stdout)] == ["s1"]
    assert "other-team" in result.stderr


def test_with_remote_each_key_has_a_mirror_of_its_own(shared, team, tmp_path):
    """Answers of one team are never those of another one at the same URL."""
    push(team, 1)
    home, other = Home(tmp_path / "home"), make_key(shared.context.engine, team="another-team")
    assert len(json.loads(remote(home, team, "session", "list", "--json").stdout)) == 1
    assert json.loads(remote(home, team, "session", "list", "--json", key=other).stdout) == []
    assert json.loads(home.here("profile", "list", "--json").stdout)[0]["sessions"] == 0


def test_the_environment_alone_changes_no_local_command(team, tmp_path):
    """INSIGHT_REMOTE_URL is for `sync`; a question without --remote asks the local log."""
    push(team, 1)
    home = Home(tmp_path / "home")
    home.record("mine")
    result = home.here("session", "list", "--json", INSIGHT_REMOTE_URL=team.url, INSIGHT_API_KEY=team.key)
    assert [each["session_id"] for each in json.loads(result.stdout)] == ["mine"]
    assert not (home.folder / "remotes").exists()


def test_the_key_comes_from_a_private_file_and_is_shown_nowhere(team, tmp_path):
    """The profile names the file; a file that others may read is refused with the command that mends it."""
    key_file = tmp_path / "key"
    key_file.write_text(team.key + "\n")
    key_file.chmod(0o600)
    push(team, 1)
    reader = Reader(tmp_path / "reader", team, "--api-key-file", key_file)
    assert reader.names(key="ik_00000000_" + "x" * 43) == ["s1"]  # that of the profile goes first
    shown = reader.here("profile", "list", "--json").stdout + reader.here("profile", "show", "team").stdout
    listed = json.loads(reader.here("profile", "list", "--json").stdout)
    assert [(each["name"], each["type"], each.get("url")) for each in listed if each["name"] == "team"] == [
        ("team", "remote", team.url)
    ]
    secret = team.key.split("_", 2)[2]
    files = b"".join(path.read_bytes() for path in reader.folder.rglob("*") if path.is_file())
    assert secret not in shown
    assert secret.encode() not in files
    key_file.chmod(0o644)
    assert "chmod 600" in reader.ask("session", "list").stderr


@pytest.mark.parametrize(
    "words",
    [
        ["create", "x", "--type", "remote"],
        ["create", "x", "--type", "remote", "--url", "ftp://example.com"],
        ["create", "x", "--type", "remote", "--url", "https://user:secret@example.com"],
        ["create", "x", "--url", "https://example.com"],
        ["create", "x", "--type", "remote", "--url", "https://example.com", "--since", "soon"],
    ],
)
def test_a_remote_profile_needs_a_usable_url_and_age(words, tmp_path, monkeypatch, capsys):
    """Before anything is written."""
    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path))
    assert main.run(["profile", *words]) in (1, 2)
    assert "secret" not in capsys.readouterr().err
    assert not (tmp_path / "profiles.json").exists()


def test_two_questions_at_once_fetch_each_event_once(team, reader):
    """A lock lets one process at a time fetch; the other one then finds nothing new."""
    lines = push(team, *range(1, 60))
    mirrors = [Mirror(team.url, reader.mirror, api_key=team.key, home=reader.folder) for _ in range(4)]
    threads = [threading.Thread(target=mirror.catch_up) for mirror in mirrors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reader.mirror.read_bytes().splitlines()) == sorted(lines.splitlines())


def test_a_mirror_restored_from_an_old_copy_gets_all_events_again(team, reader):
    """What is kept about the collector is newer than the mirror."""
    push(team, 1)
    reader.names()
    old = reader.mirror.read_bytes()
    push(team, 2)
    reader.names()
    reader.mirror.write_bytes(old)
    push(team, 3)
    assert reader.names() == ["s1", "s2", "s3"]
    reader.mirror.unlink()
    assert reader.names() == ["s1", "s2", "s3"]


def test_a_restored_database_is_noticed_and_everything_is_compared(shared, team, reader):
    """The cursor belongs to an earlier life of the database: nothing is lost, nothing is there twice."""
    from sqlalchemy import text

    lines = push(team, 1, 2)
    reader.names()
    with shared.context.engine.begin() as connection:
        connection.execute(text("update meta set value = 'restored' || value where name = 'epoch'"))
    lines += push(team, 3)
    result = reader.ask("session", "list", "--json")
    assert "restored or replaced" in result.stderr
    assert len(json.loads(result.stdout)) == 3
    assert sorted(reader.mirror.read_bytes().splitlines()) == sorted(lines.splitlines())
    assert reader.ask("session", "list", "--json").stderr == ""


def test_a_purge_on_the_collector_reaches_the_mirror(team, reader, tmp_path):
    """The text is gone from the mirror itself, what took its place is there, and answers are those of a merge."""
    log = tmp_path / "log.jsonl"
    before = [*session_lines(1), *session_lines(2, text="canary-77 in a text"), *session_lines(3)]
    log.write_bytes(b"".join(before))
    team.push(log.read_bytes())
    assert len(reader.names()) == 3
    assert b"canary-77" in reader.mirror.read_bytes()
    Home(tmp_path / "purging").here("log", "purge", "--regex", "canary-77", "--force", log)
    team.push(log.read_bytes())
    shown = json.loads(reader.ask("session", "show", "s2", "--json").stdout)
    assert b"canary-77" not in reader.mirror.read_bytes()
    assert sorted(reader.mirror.read_bytes().splitlines()) == sorted(log.read_bytes().splitlines())
    local = Home(tmp_path / "local")
    shutil.copy(log, local.log)
    assert shown == json.loads(local.here("session", "show", "s2", "--json").stdout)


def test_a_purged_session_is_gone_from_the_mirror(team, reader, tmp_path):
    """A whole stream that was removed on the collector is removed here, too."""
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join([*session_lines(1), *session_lines(2)]))
    team.push(log.read_bytes())
    assert reader.names() == ["s1", "s2"]
    Home(tmp_path / "purging").here("log", "purge", "--session", "s2", "--force", log)
    team.push(log.read_bytes())
    assert reader.names() == ["s1"]
    assert b'"s2"' not in reader.mirror.read_bytes()


def test_runs_recorded_into_a_remote_profile_are_kept_and_sent_by_sync(team, reader, tmp_path):
    """As a commit before `git push`: the run is in the answers here at once, and at the collector after a sync."""
    push(team, 1)
    reader.names()
    own = Home(tmp_path / "own")
    own.record("mine")
    reader.mirror.write_bytes(reader.mirror.read_bytes() + own.log.read_bytes())
    assert reader.names() == ["mine", "s1"]
    told = json.loads(reader.ask("sync", "--json").stdout)
    assert (told["remote"], told["sent"], told["fetched"]) == (team.url, 8, 0)
    assert b'"session_id":"mine"' in team.export()
    assert reader.names() == ["mine", "s1"]
    positions = [
        (item.envelope.stream, item.envelope.seq) for item in read_records(reader.mirror) if isinstance(item, Record)
    ]
    assert len(positions) == len(set(positions))


def test_only_sessions_of_the_last_days_are_fetched_with_since(team, tmp_path):
    """A longer span for the same mirror fetches what the shorter one left out."""
    push(team, 1, day="2001-01-01")
    push(team, 2, day="2099-01-01")
    reader = Reader(tmp_path / "all", team, "--since", "300d")
    assert reader.names() == ["s2"]
    reader.here("profile", "delete", "team", "--force")
    reader.here("profile", "create", "team", "--type", "remote", "--url", team.url)
    assert reader.names() == ["s1", "s2"]


def test_the_python_api_asks_a_collector(team, tmp_path, monkeypatch, gate):
    """With a URL or a remote profile; what is new is in the next answer, and a collector that is away is a warning."""
    from pytest_insight.api import InsightAPI, PytestInsight, create_profile
    from pytest_insight.core.remotes import StaleAnswerWarning

    monkeypatch.setenv("PYTEST_INSIGHT_HOME", str(tmp_path))
    push(team, 1)
    api = InsightAPI(url=team.url, api_key=team.key)
    assert [session.session_id for session in api.query().execute()] == ["s1"]
    push(team, 2)
    assert len(api.query().with_sut("shop").execute()) == 2
    assert len(PytestInsight(url=team.url, api_key=team.key).get_history(days=100_000)) == 2
    monkeypatch.setenv("INSIGHT_API_KEY", team.key)
    create_profile("team", "remote", url=team.url)
    profile = InsightAPI("team")
    assert len(profile.query().execute()) == 2
    gate.shut()
    with pytest.warns(StaleAnswerWarning, match="as of"):
        assert len(profile.query().execute()) == 2
    with pytest.raises(ValueError, match="give one"):
        InsightAPI("team", url=team.url)
    with pytest.raises(ValueError, match="needs the URL"):
        InsightAPI(api_key="ik_1")


def test_tail_follows_a_collector_over_cuts_and_ends_with_the_key(shared, team, tmp_path, gate):
    """`tail -f --remote` shows what is pushed, resumes after a cut, and says why it ends; stdout has events alone."""
    push(team, 1)
    key = make_key(shared.context.engine, team=team_name(shared, team), role="reader")
    home = Home(tmp_path / "home")
    environ = os.environ | {"PYTEST_INSIGHT_HOME": str(home.folder), "INSIGHT_API_KEY": key}
    command = [sys.executable, "-m", "pytest_insight.cli", "tail", "-f", "--json", "--remote", team.url]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)
    try:
        assert [tail.stdout.readline() for _ in range(7)] == session_lines(1)
        push(team, 2)
        assert [tail.stdout.readline() for _ in range(7)] == session_lines(2)
        gate.shut()
        shared.push(b"".join(session_lines(3)), key=team.key)
        gate.open()
        assert [tail.stdout.readline() for _ in range(7)] == session_lines(3)
        with shared.context.engine.begin() as connection:
            revoke_key(connection, split_key(key).id)
        out, err = tail.communicate(timeout=60)
    finally:
        tail.kill()
        tail.wait()
    assert (tail.returncode, out) == (3, b"")
    assert b"connection is lost" in err
    assert b"revoked" in err


def team_name(shared, team):
    """Name of the team of a key."""
    return shared.get("/api/v1/keys", key=team.key).json()[0]["team"]


def test_a_revoked_key_is_told_and_the_mirror_answers(shared, team, reader):
    """Within the time that the collector remembers a key."""
    push(team, 1)
    key = make_key(shared.context.engine, team=f"reading-{team.url[-5:]}", role="reader")
    home = Home(reader.folder.parent / "home")
    assert remote(home, team, "session", "list", "--json", key=key).returncode == 0
    with shared.context.engine.begin() as connection:
        revoke_key(connection, split_key(key).id)
    for _ in range(50):
        result = remote(home, team, "session", "list", "--json", key=key)
        if result.stderr:
            break
    assert "401" in result.stderr
    assert "as of" in result.stderr
