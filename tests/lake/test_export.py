"""`insight lake export`: closed months as a Delta table, equal to the log, each replaced when it changed and only then."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from histories import all_of, write_session
from lake_logs import OCTOBER, SECRET, connect, failing, lake_results, slow_results, texts_in, three_months, versions
from pytest_insight.lake import columns, contents, sorting
from pytest_insight.lake.columns import Values
from pytest_insight.lake.export import Lake
from pytest_insight.lake.tables import LakeConflictError, LakePlace, _s3_options
from pytest_insight.projections.readmodel import ReadModel

MONTHS = ["2024-10", "2024-11", "2024-12"]


def test_the_rows_are_those_of_a_slow_fold_of_the_log(home):
    """Month by month, test by test: verdict, outcomes of the attempts, duration; also modules and a cut test."""
    assert home.export() == dict.fromkeys(MONTHS, "written")
    expected = slow_results(three_months())
    assert {kind for _, _, kind, *_ in expected.values()} == {"test", "module"}
    assert lake_results(home.lake) == expected


def test_the_rows_are_what_the_command_line_says(home):
    """`insight sql` over the same log has the same verdicts, and the same facts about sessions."""
    home.export()
    names = ["session_id", "nodeid", "verdict", "duration_s", "branch", "commit_id"]
    rows = json.loads(home.here("sql", f"SELECT {', '.join(names)}, attempts FROM tests", "--json").stdout)
    expected = sorted(tuple(row.values()) for row in rows)
    query = f"SELECT {', '.join(names)}, len(outcomes) FROM results WHERE kind = 'test'"
    assert sorted(connect(home.lake).execute(query).fetchall()) == expected
    names = ["session_id", "stream", "sut", "status", "exit_status", "tests", "failed", "crashed", "missing", "python"]
    rows = json.loads(home.here("sql", f"SELECT {', '.join(names)} FROM sessions", "--json").stdout)
    query = f"SELECT {', '.join(names)} FROM sessions"
    assert sorted(connect(home.lake).execute(query).fetchall()) == sorted(tuple(row.values()) for row in rows)


def test_the_messages_are_those_that_failures_are_grouped_by(home):
    """`insight analytics failures` over all time counts the same clusters."""
    home.log.write_bytes(three_months() + failing("t1", OCTOBER, "port 8080 of 10.0.0.7 refused"))
    home.export()
    answer = json.loads(home.here("analytics", "failures", "--time", "2024-01-01..2025-01-01", "--json").stdout)
    expected = {each["message"]: (each["count"], len(each["tests"])) for each in answer["clusters"]}
    query = "SELECT cluster, count(*), count(DISTINCT nodeid) FROM results WHERE cluster IS NOT NULL GROUP BY 1"
    found = {message: (count, tests) for message, count, tests in connect(home.lake).execute(query).fetchall()}
    assert found == expected
    assert len(expected) > 3


def test_rows_of_a_month_are_in_one_file_in_order_of_their_tests(home):
    """So the history of one test is read from one group of rows."""
    home.export()
    files = [unquote(uri) for uri in DeltaTable(f"{home.lake}/results").file_uris()]
    assert len(files) == len(MONTHS)
    for file in files:
        rows = connect(home.lake).execute(f"SELECT nodeid, started_at FROM read_parquet('{file}')").fetchall()
        assert rows == sorted(rows)


def test_an_export_that_finds_nothing_new_writes_nothing(home):
    """No commit, whether the log is the same, or was merged in another order."""
    home.export()
    before = versions(home.lake)
    assert set(home.export().values()) == {"unchanged"}
    lines = home.log.read_bytes().splitlines(keepends=True)
    home.log.write_bytes(b"".join(sorted(lines, key=lambda line: json.loads(line)["seq"])))
    assert set(home.export().values()) == {"unchanged"}
    assert versions(home.lake) == before


def test_a_late_session_replaces_its_month_alone(home):
    """The other months keep their files."""
    home.export()
    files = set(DeltaTable(f"{home.lake}/results").file_uris())
    late = write_session("late", 0, all_of("passed"), start=OCTOBER + timedelta(days=3))
    home.log.write_bytes(three_months() + late)
    assert home.export("--dry-run")["2024-10"] == "replaced"
    assert home.export() == {"2024-10": "replaced", "2024-11": "unchanged", "2024-12": "unchanged"}
    assert lake_results(home.lake) == slow_results(three_months() + late)
    kept = files & set(DeltaTable(f"{home.lake}/results").file_uris())
    assert sorted(file.split("month=")[1][:7] for file in kept) == ["2024-11", "2024-12"]


def test_a_cleared_session_leaves_and_comes_back_when_restored(home):
    """What is not shown is not exported."""
    home.export()
    home.here("clear", "--filter", "s3", "--force")
    assert home.export()["2024-10"] == "replaced"
    assert "s3" not in {name for name, _ in lake_results(home.lake)}
    home.here("restore", "s3")
    assert home.export()["2024-10"] == "replaced"
    assert lake_results(home.lake) == slow_results(three_months())


@pytest.mark.parametrize("how", ["text", "session", "all of the month"])
def test_what_is_purged_is_in_no_file_after_a_vacuum(home, how):
    """Neither in files of Parquet nor in the log of the table; before, the secret was in the current rows."""
    alone = how == "all of the month"
    start = OCTOBER - timedelta(days=365) if alone else OCTOBER
    nodeid = f"test_pay.py::test_text[{SECRET}]" if how != "text" else "test_pay.py::test_text"
    home.log.write_bytes(three_months() + failing("s-canary", start, f"no login with {SECRET}", nodeid=nodeid))
    home.export()
    assert any(SECRET in text for text in texts_in(home.lake))
    assert not any(SECRET in path.read_text() for path in home.lake.rglob("*.json"))
    words = ["--regex", SECRET] if how == "text" else ["--session", "s-canary"]
    home.here("log", "purge", *words, "--force")
    month = f"{start:%Y-%m}"
    assert home.export("--vacuum")[month] == ("removed" if alone else "replaced")
    assert not any(SECRET in text for text in texts_in(home.lake))
    expected = slow_results(three_months())
    found = lake_results(home.lake)
    assert {key: row for key, row in found.items() if key[0] != "s-canary"} == expected
    assert set(home.export().values()) == {"unchanged"}


def test_the_secret_stays_until_the_vacuum_and_the_command_says_so(home):
    """Earlier versions of the table are read by those who began with them."""
    home.log.write_bytes(three_months() + failing("s-canary", OCTOBER, SECRET))
    home.export()
    home.here("log", "purge", "--regex", SECRET, "--force")
    result = home.here("lake", "export", "--to", home.lake)
    assert "--vacuum deletes them" in result.stderr
    assert any(SECRET in text for text in texts_in(home.lake))
    result = home.here("lake", "export", "--to", home.lake, "--vacuum")
    assert not any(SECRET in text for text in texts_in(home.lake))


def test_sessions_that_the_log_has_not_any_more_stay(home):
    """A log that keeps a month does not empty the lake; what it lost is no purge, and late sessions are added to it."""
    home.export()
    before = lake_results(home.lake)
    data = three_months().splitlines(keepends=True)
    streams = list(dict.fromkeys(json.loads(line)["stream"] for line in data))
    kept = b"".join(line for line in data if json.loads(line)["stream"] in streams[3:])
    home.log.write_bytes(kept)
    numbers = versions(home.lake)
    assert home.export()["2024-10"] == "kept"
    assert (lake_results(home.lake), versions(home.lake)) == (before, numbers)
    late = write_session("late", 0, all_of("passed"), start=OCTOBER + timedelta(days=3))
    home.log.write_bytes(kept + late)
    result = home.here("lake", "export", "--to", home.lake)
    assert "2024-10: 3 sessions there are not in the log any more, and stay" in result.stderr
    assert lake_results(home.lake) == before | slow_results(late)
    assert home.export()["2024-10"] == "kept"
    home.here("log", "purge", "--session", "late", "--force")
    assert home.export()["2024-10"] == "replaced"
    assert lake_results(home.lake) == before
    assert home.export("--exact")["2024-10"] == "replaced"
    assert {name for name, _ in lake_results(home.lake)} == {f"s{number}" for number in range(3, 18)}


def test_a_purge_reaches_a_month_of_which_the_log_lost_other_sessions(home):
    """Neither the text nor a session comes back from the rows that are taken over; also into an older table."""
    secret = failing("s-canary", OCTOBER, f"no login with {SECRET}")
    home.log.write_bytes(three_months() + secret)
    home.export()
    kept = [line for line in home.log.read_bytes().splitlines(keepends=True) if b"f" * 40 in line or line in secret]
    home.log.write_bytes(b"".join(kept))
    home.here("log", "purge", "--regex", SECRET, "--force")
    actions = home.export("--vacuum")
    assert (actions["2024-10"], set(actions.values())) == ("replaced", {"replaced", "kept"})
    assert not any(SECRET in text for text in texts_in(home.lake))
    found = {key: row for key, row in lake_results(home.lake).items() if key[0] != "s-canary"}
    assert found == slow_results(three_months())


def test_a_table_of_an_earlier_release_with_fewer_columns_gets_the_new_ones(home):
    """Its months are replaced as they come, and rows that are left have nulls."""
    home.export()
    for name, missing in (("results", ["flaky", "cluster"]), ("sessions", ["uncollected"])):
        table = DeltaTable(f"{home.lake}/{name}").to_pyarrow_table().drop_columns(missing)
        place = home.folder / "older" / name
        old = table.append_column("month_before", pa.array(["x"] * len(table)))
        write_deltalake(
            place,
            old.set_column(0, "fingerprint", pa.array(["0" * 32] * len(table))) if False else old,
            partition_by=["month"],
        )
    place = home.folder / "older"
    late = write_session("late", 0, all_of("passed"), start=OCTOBER + timedelta(days=3))
    home.log.write_bytes(three_months() + late)
    assert home.export(to=place)["2024-10"] == "replaced"
    rows = (
        connect(place)
        .execute("SELECT month, count(flaky), count(cluster), count(*) FROM results GROUP BY 1")
        .fetchall()
    )
    counts = {month: (flaky, clusters, count) for month, flaky, clusters, count in rows}
    flaky, clusters, count = counts["2024-10"]
    assert flaky == count
    assert clusters > 0
    assert lake_results(place) == slow_results(three_months() + late)


def test_a_month_is_written_only_when_it_is_over(home):
    """The running month needs an option, named or not; a month of the future is not over either."""
    now = datetime.now(UTC)
    home.log.write_bytes(three_months() + write_session("now", 0, all_of("passed"), start=now))
    month = f"{now:%Y-%m}"
    assert list(home.export()) == MONTHS
    result = home.here("lake", "export", "--to", home.lake, "--month", month, check=False)
    assert (result.returncode, "--running" in result.stderr) == (2, True)
    assert home.export("--month", month, "--running") == {month: "written"}
    assert list(home.export("--running")) == [*MONTHS, month]
    assert home.export("--month", "2024-11") == {"2024-11": "unchanged"}
    assert home.here("lake", "export", "--to", home.lake, "--month", "2024-13", check=False).returncode == 2


def test_two_exporters_at_once_write_each_month_once(home):
    """Two processes: one of them is refused, or finds that there is nothing to do; the rows are right."""
    command = [
        sys.executable,
        "-m",
        "pytest_insight.cli",
        "lake",
        "export",
        "--to",
        str(home.lake),
        "--log",
        str(home.log),
    ]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(each.communicate()[1], each.returncode) for each in both]
    assert {code for _, code in ended} <= {0, 3}
    assert all("another exporter" in err for err, code in ended if code)
    assert lake_results(home.lake) == slow_results(three_months())


@pytest.mark.parametrize("there", [False, True], ids=["new table", "old table"])
def test_an_exporter_whose_month_was_written_meanwhile_is_refused(home, there, monkeypatch):
    """Whichever commits last finds it out; a month of its own is no conflict."""
    if there:
        home.export()
        home.log.write_bytes(three_months() + failing("more", OCTOBER, "again"))
    with ReadModel.open(home.log, None) as model:
        model.catch_up()
        steps = Lake(str(home.lake)).export(model, ["2024-10", "2024-11"], datetime.now(UTC))
        whole = columns.read_results
        done = []

        def read(*arguments):
            if not done:
                done.append("begun")
                done.append(home.export("--month", "2024-10"))
            return whole(*arguments)

        monkeypatch.setattr(contents, "read_results", read)
        with pytest.raises(LakeConflictError, match="2024-10 at the same time; run the export again"):
            next(steps)
    assert done
    assert home.export() == {"2024-10": "unchanged"} | dict.fromkeys(MONTHS[1:], "unchanged" if there else "written")
    assert lake_results(home.lake) == slow_results(home.log.read_bytes())


@pytest.mark.parametrize("pass_rows", [1, 57])
def test_a_month_that_does_not_fit_is_read_range_by_range(home, pass_rows, monkeypatch):
    """The rows are the same, and in the same order, however few fit into memory."""
    monkeypatch.setattr(sorting, "BATCH_ROWS", 7)
    monkeypatch.setattr(sorting, "_BLOCK_ROWS", 20)
    whole = sorting.sorted_batches
    monkeypatch.setattr("pytest_insight.lake.export.sorted_batches", lambda *given: whole(*given, pass_rows=pass_rows))
    home.export()
    assert lake_results(home.lake) == slow_results(three_months())
    rows = connect(home.lake).execute("SELECT nodeid, started_at FROM results WHERE month = '2024-11'").fetchall()
    assert rows == sorted(rows)


def test_packed_columns_and_verdicts_give_the_same_results(home):
    """The short way through the columns, and the one through objects, for each session that takes the short one."""
    with ReadModel.open(home.log, None) as model:
        model.catch_up()
        values = Values(model.names())
        plain = [row for row in model.sessions() if columns.is_plain(row)]
        assert len(plain) == 16
        for row in plain:
            short, long = columns.read_results(model, row, values), columns.read_verdicts(model, row, values)
            ends = [[values.ends[number] for number in each.verdicts] for each in (short, long)]
            assert ends[0] == ends[1]
            workers = [[values.workers[number] for number in each.workers] for each in (short, long)]
            assert workers[0] == workers[1]
            assert (short.nodes, short.durations, short.failures) == (long.nodes, long.durations, long.failures)


def test_a_table_of_another_program_is_left_alone(home):
    """It is refused, with a hint, and gets no column."""
    write_deltalake(home.lake / "results", pa.table({"nodeid": ["a"]}))
    result = home.here("lake", "export", "--to", home.lake, check=False)
    assert (result.returncode, "a table of another program" in result.stderr) == (3, True)
    assert DeltaTable(home.lake / "results").to_pyarrow_table().to_pylist() == [{"nodeid": "a"}]


def test_an_interrupt_while_rows_are_written_ends_the_command(home, monkeypatch):
    """With the exit status of an interrupt; the month is not there, and the next export writes it."""

    def read(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sorting, "read_results", read)
    assert home.here("lake", "export", "--to", home.lake, check=False).returncode == 130
    monkeypatch.undo()
    assert home.export() == dict.fromkeys(MONTHS, "written")


def test_two_histories_share_a_lake(home, tmp_path):
    """Each adds its sessions, and takes none of the other's away."""
    other = type(home)(tmp_path / "other")
    other.log.write_bytes(failing("of-other", OCTOBER, "again"))
    home.export()
    assert other.export(to=home.lake)["2024-10"] == "replaced"
    for each in (home, other, home):
        assert set(each.export(to=home.lake).values()) == {"kept", "unchanged"} - (
            {"unchanged"} if each is other else set()
        )
    found = {key: row for key, row in lake_results(home.lake).items() if key[0] != "of-other"}
    assert found == slow_results(three_months())
    assert len(lake_results(home.lake)) == len(found) + 1


def test_damage_in_the_log_is_told_and_the_rest_exported(home):
    """As every command that reads a log does."""
    home.log.write_bytes(three_months() + b'{"v":1,"type":"test.fin\n')
    result = home.here("lake", "export", "--to", home.lake)
    assert "1 places in the log are not events" in result.stderr
    assert lake_results(home.lake) == slow_results(three_months())


def test_a_defect_while_rows_are_read_is_no_fault_of_the_place(home, monkeypatch):
    """The error is told as it is, and nothing is written."""
    with ReadModel.open(home.log, None) as model:
        model.catch_up()

        def read(*_):
            raise LookupError("no event starts at position 7")

        monkeypatch.setattr(sorting, "read_results", read)
        with pytest.raises(LookupError, match="position 7"):
            list(Lake(str(home.lake)).export(model, [], datetime.now(UTC)))
    monkeypatch.undo()
    assert home.export() == dict.fromkeys(MONTHS, "written")


def test_places_that_cannot_be_used_are_refused_with_a_hint(home, monkeypatch):
    """Each with exit code 3 or 2, and a line that says what to do."""
    file = home.folder / "file"
    file.write_text("")
    for place, code, words in [
        (file, 3, "it is no folder"),
        ("ftp://host/lake", 3, "name a folder"),
        ("s3://user:word@bucket/lake", 3, "a URL with a password"),
        (file / "below", 3, "check the place"),
    ]:
        result = home.here("lake", "export", "--to", place, check=False)
        assert (result.returncode, words in result.stderr, result.stderr.count("\n")) == (code, True, 1), result.stderr
        assert "word@" not in result.stderr
    result = home.here("lake", "export", check=False)
    assert (result.returncode, "--to" in result.stderr) == (2, True)
    monkeypatch.setitem(sys.modules, "deltalake", None)
    result = home.here("lake", "export", "--to", home.lake, check=False)
    assert (result.returncode, "pip install 'pytest-insight[lake]'" in result.stderr) == (3, True)


def test_the_place_may_be_a_url_or_a_variable(home):
    """A folder as `file://`, with a blank in its name; and INSIGHT_LAKE."""
    assert home.export(to=home.lake.as_uri()) == dict.fromkeys(MONTHS, "written")
    assert set(home.export().values()) == {"unchanged"}
    result = home.here("lake", "export", "--json", INSIGHT_LAKE=str(home.lake))
    assert {each["action"] for each in json.loads(result.stdout)["months"]} == {"unchanged"}


def test_the_settings_of_a_bucket_come_from_the_environment():
    """An endpoint without TLS is allowed, and commits are conditional writes."""
    options = _s3_options({"AWS_ENDPOINT_URL": "http://localhost:1", "AWS_REGION": "eu"})
    assert options == {
        "aws_conditional_put": "etag",
        "aws_endpoint": "http://localhost:1",
        "aws_region": "eu",
        "aws_allow_http": "true",
    }
    assert LakePlace("s3://bucket/lake/", {}).options == {"aws_conditional_put": "etag"}
