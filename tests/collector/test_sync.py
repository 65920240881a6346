"""`insight sync`: any number of homes and a collector come to the same events."""

import json
import shutil

from collector_homes import Home, merged
from collector_lines import session_lines
from collectors import Collector, make_key, start_collector
from pytest_insight.eventlog.codec import encode_event
from pytest_insight.eventlog.events import SessionStarted
from pytest_insight.eventlog.reader import read_records


def test_three_homes_and_the_collector_get_the_same_log(tmp_path, served):
    """One home was offline for a while, one was restored from an old copy: all come to what `insight merge` makes."""
    first, second, third = (Home(tmp_path / name) for name in ("first", "second", "third"))
    first.record("a")
    second.record("b")
    third.record("c")
    first.sync(served)
    shutil.copytree(second.folder, tmp_path / "old")
    second.record("d")
    second.sync(served)
    for number in range(5):  # offline
        third.record(f"offline{number}")
    shutil.rmtree(second.folder)
    shutil.copytree(tmp_path / "old", second.folder)
    second.record("e")
    for home in (third, second, first, third, second, first):
        home.sync(served)
    expected = merged(tmp_path, first.log, second.log, third.log)
    assert [merged(tmp_path, home.log) for home in (first, second, third)] == [expected] * 3
    assert served.get("/api/v1/log").body == expected
    ids = first.insight("session", "list", "--all", "--json").stdout
    assert [home.insight("session", "list", "--all", "--json").stdout for home in (second, third)] == [ids, ids]
    assert all(f'"{name}"' in ids for name in ("a", "b", "c", "d", "e", "offline0", "offline4"))


def test_a_second_sync_sends_and_fetches_nothing(tmp_path, served):
    """What both sides have is not sent again, and the log does not grow."""
    home = Home(tmp_path / "home")
    home.record("a", 50)
    told = home.sync(served)
    assert (told["to_send"], told["sent"], told["fetched"]) == (102, 102, 0)
    before = home.log.read_bytes()
    told = home.sync(served, "--verify")
    assert (told["to_send"], told["sent"], told["fetched"]) == (0, 0, 0)
    assert told["verified"] == {"same": 102, "only_local": 0, "only_remote": 0, "conflicts": 0}
    assert home.log.read_bytes() == before


def test_a_log_restored_from_an_old_copy_gets_all_events_again(tmp_path, served):
    """What the home keeps about the collector is newer than the log: events before its cursor are missing, and come."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    first.record("a")
    second.record("b")
    second.sync(served)
    old = second.log.read_bytes()
    first.sync(served)
    second.record("c")
    second.sync(served)
    second.log.write_bytes(old)
    second.record("d")
    assert second.sync(served)["fetched"] == 16  # the sessions a and c
    assert served.get("/api/v1/log").body == merged(tmp_path, second.log)


def test_a_dry_run_changes_neither_side(tmp_path, served):
    """It says what is missing on each side."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    first.record("a")
    second.record("b", 1)
    first.sync(served)
    told = second.sync(served, "--dry-run")
    assert (told["to_send"], told["fetched"]) == (4, 8)
    assert b'"session_id":"a"' not in second.log.read_bytes()
    assert b'"session_id":"b"' not in served.export()


def test_a_killed_session_is_sent_from_its_live_file(tmp_path, served):
    """What a dead process left beside the log counts as recorded."""
    home = Home(tmp_path / "home")
    home.record("a", collect=False)
    assert home.sync(served, "--push")["sent"] == 8
    assert served.export().count(b"\n") == 8


def test_a_collector_killed_between_loses_nothing(tmp_path, database):
    """The API process dies during a run; the next run goes on, and both sides are equal."""
    home = Home(tmp_path / "home")
    collector = start_collector(tmp_path, database=database)
    for number in range(20):
        home.record(f"s{number}", 20)
    home.sync(collector, "--push")
    collector.kill()
    home.record("later")
    refused = home.insight("sync", collector.url, "--wait", "0", check=False, INSIGHT_API_KEY=collector.key)
    assert refused.returncode == 3
    assert "nothing is lost" in refused.stderr
    again = start_collector(tmp_path, database=database, key=collector.key)
    try:
        assert home.sync(again)["sent"] == 8
        assert again.get("/api/v1/log").body == merged(tmp_path, home.log)
    finally:
        again.stop()


def test_conflicts_are_told_and_both_versions_stay(tmp_path, served):
    """Another event with the same identity: exit code 1, the other streams are synced."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    first.record("a")
    shutil.copytree(first.folder, second.folder, dirs_exist_ok=True)
    first.sync(served)
    changed = _with_other_last_line(second.log)
    second.record("b")
    told = second.sync(served, check=False)
    assert [(one["seq"], one["remote"] != one["local"]) for one in told["conflicts"]] == [(7, True)]
    assert changed in second.log.read_bytes()
    assert b'"session_id":"b"' in served.export()
    assert second.insight("sync", served.url, check=False, INSIGHT_API_KEY=served.key).returncode == 1


def _with_other_last_line(log):
    """Change the seal of a log, with a right digest, and return its line."""
    from hashlib import blake2b

    *lines, last = log.read_bytes().splitlines(keepends=True)
    body = last[: last.index(b',"digest":')].replace(b'"exit_status":1', b'"exit_status":0')
    line = body + b',"digest":"' + blake2b(body, digest_size=16).hexdigest().encode() + b'"}\n'
    log.write_bytes(b"".join(lines) + line)
    return line


def test_a_wrong_key_is_named_and_nothing_is_dropped(tmp_path, served):
    """A refusal is no retry: the message names the reason and a hint, the log stays."""
    home = Home(tmp_path / "home")
    home.record("a")
    before = home.log.read_bytes()
    result = home.insight("sync", served.url, check=False, INSIGHT_API_KEY="ik_00000000_" + "x" * 43)
    assert result.returncode == 3
    assert "401" in result.stderr
    assert "INSIGHT_API_KEY" in result.stderr
    assert "xxxx" not in result.stderr
    assert home.log.read_bytes() == before


def test_a_missing_url_or_key_is_wrong_usage_with_a_hint(tmp_path):
    """Before any request."""
    home = Home(tmp_path / "home")
    assert "INSIGHT_REMOTE_URL" in home.insight("sync", check=False).stderr
    assert "INSIGHT_API_KEY" in home.insight("sync", "http://127.0.0.1:1", check=False).stderr
    home.folder.joinpath("key").write_text("ik_1")
    told = home.insight("sync", "http://127.0.0.1:1", check=False, INSIGHT_API_KEY_FILE=str(home.folder / "key"))
    assert "chmod 600" in told.stderr


def test_only_what_was_added_since_is_read_and_sent(tmp_path, served, monkeypatch):
    """Of a log that was sent before, a later run reads the end alone; without what it keeps, it reads all again."""
    from pytest_insight.collector.client import digests, pushing

    home = Home(tmp_path / "home")
    for number in range(5):
        home.record(f"s{number}", 20)
    home.sync(served)
    size = home.log.stat().st_size
    home.record("later")
    starts = []

    def noted(log, *, start=0, **more):
        starts.append(start)
        return read_records(log, start=start, **more)

    monkeypatch.setattr(digests, "read_records", noted)
    monkeypatch.setattr(pushing, "read_records", noted)
    told = json.loads(home.here("sync", served.url, "--json", INSIGHT_API_KEY=served.key).stdout)
    assert (told["to_send"], told["sent"], told["fetched"]) == (8, 8, 0)
    assert min(starts) == size
    told = json.loads(home.here("sync", served.url, "--json", "--verify", INSIGHT_API_KEY=served.key).stdout)
    assert (told["to_send"], told["verified"]["same"]) == (0, 5 * 42 + 8)
    shutil.rmtree(home.folder / "remotes")
    assert home.sync(served)["to_send"] == 0


def test_conflicts_are_listed_with_both_versions_and_counted_in_full(tmp_path, served):
    """The collector lists some of the conflicts of a push, and counts them all; quarantine has both lines of each."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    ours = [line for number in range(60) for line in session_lines(number, 3)]
    theirs = [line for number in range(60) for line in session_lines(number, 4, outcome="failed")]
    first.log.write_bytes(b"".join(ours))
    second.log.write_bytes(b"".join(theirs))
    first.sync(served)
    assert second.sync(served, "--conflicts") == []
    result = second.here("sync", served.url, "--json", check=False, INSIGHT_API_KEY=served.key)
    told = json.loads(result.stdout)
    assert (result.returncode, told["conflicts_total"]) == (
        1,
        len({(each["stream"], each["seq"]) for each in told["conflicts"]}),
    )
    served.push(b"".join(theirs))
    result = second.here("sync", served.url, "--conflicts", "--json", check=False, INSIGHT_API_KEY=served.key)
    kept = {(each["stored"], each["quarantined"]) for each in json.loads(result.stdout)}
    known = {
        (line[:-1].decode(), other[:-1].decode())
        for line in ours
        for other in theirs
        if _identity(line) == _identity(other) and line != other
    }
    assert (result.returncode, kept) == (1, known)
    shown = second.here("sync", served.url, "--conflicts", check=False, INSIGHT_API_KEY=served.key).stdout
    assert "quarantined" in shown


def _identity(line):
    event = json.loads(line)
    return event["stream"], event["seq"]


def test_only_sessions_of_the_last_days_are_sent_and_fetched_with_since(tmp_path, served):
    """A later run without --since has the others, too."""
    home, other = Home(tmp_path / "home"), Home(tmp_path / "other")
    other.log.write_bytes(b"".join(session_lines(1, day="2001-01-01")))
    other.sync(served)
    home.log.write_bytes(b"".join(session_lines(2, day="2001-01-01")))
    home.record("new")
    told = home.sync(served, "--since", "300d")
    assert (told["to_send"], told["fetched"]) == (8, 0)
    told = home.sync(served)
    assert (told["to_send"], told["fetched"]) == (7, 7)
    assert served.get("/api/v1/log").body == merged(tmp_path, home.log)


def test_a_reader_may_fetch_and_not_send(tmp_path, served, engine):
    """`--pull` needs no right to write."""
    home = Home(tmp_path / "home")
    served.push(b"".join(session_lines(1)))
    key = make_key(engine, role="reader")
    told = json.loads(home.here("sync", served.url, "--pull", "--json", INSIGHT_API_KEY=key).stdout)
    assert told["fetched"] == 7
    refused = home.here("sync", served.url, check=False, INSIGHT_API_KEY=key)
    assert (refused.returncode, "403" in refused.stderr) == (3, True)


def test_the_strategy_for_sessions_of_one_label_is_that_of_a_merge(tmp_path, served):
    """Every machine then shows the same session, and `insight merge --strategy` of the logs shows it, too."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    first.log.write_bytes(b"".join(_labelled(1)))
    second.log.write_bytes(b"".join(_labelled(2)))
    out = tmp_path / "merged.jsonl"
    Home(tmp_path / "merging").here("merge", first.log, second.log, "-o", out, "--strategy", "replace_existing")
    first.sync(served)
    second.sync(served, "--strategy", "replace_existing")
    first.sync(served)
    assert served.get("/api/v1/log").body == out.read_bytes()
    streams = [
        [each["stream"] for each in json.loads(home.here("session", "list", "--json").stdout)]
        for home in (first, second)
    ]
    assert streams == [[f"{2:032x}"]] * 2
    before = second.log.read_bytes()
    second.sync(served, "--strategy", "replace_existing")
    assert second.log.read_bytes() == before


def _labelled(number):
    header = SessionStarted(session_id="nightly", sut="shop")
    return [encode_event(header, stream=f"{number:032x}", seq=0, at=f"2026-11-20T10:0{number}:00.000000Z")]


def test_what_a_log_has_purged_is_not_fetched_again(tmp_path, served, engine):
    """Also where it stays on the collector, since the key may not purge."""
    home = Home(tmp_path / "home")
    home.record("secret")
    home.record("kept")
    writer = Collector(served.url, make_key(engine, role="writer"), None)
    home.sync(writer)
    home.insight("log", "purge", "--session", "secret", "--force")
    purged = home.log.read_bytes()
    for _ in range(2):
        report = home.sync(writer)
        assert (report["fetched"], report["conflicts"]) == (0, [])
    assert home.log.read_bytes() == purged
    renewed = json.loads(home.insight("sync", writer.url, "--json", "--pull", INSIGHT_API_KEY=writer.key).stdout)
    assert renewed["fetched"] == 0
