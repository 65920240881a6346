"""`insight sync`: any number of homes and a collector come to the same events."""

import shutil

from collector_homes import Home, merged
from collectors import start_collector


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
