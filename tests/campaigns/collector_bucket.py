"""Events through a faulty network to a collector with bodies in SeaweedFS; server, PostgreSQL and store are killed.

`python tests/campaigns/collector_bucket.py [events]`. No acknowledged event is lost, the export is what `insight merge`
makes, the views are those of a rebuild, and every object is sound. Figures are printed.
"""

import os
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psutil
from bucket.seaweed import SeaweedServer
from collector_tables import rows_of
from collectors import start_collector
from pytest_insight.collector.access.teams import list_teams
from pytest_insight.collector.bodies.attaching import bodies_of
from pytest_insight.collector.bodies.orphans import find_orphans
from pytest_insight.collector.bodies.upkeep import do_upkeep
from pytest_insight.collector.database.checking import check_database
from pytest_insight.collector.database.connections import open_engine
from pytest_insight.collector.database.private_server import PrivateServer
from pytest_insight.collector.views.projecting import begin_rebuild, finish_rebuild, project_all

from collector import make_logs, merge, push_all

KILL_EVERY_S = 2.0
URL = "s3://logs/team"
VICTIMS = ("server", "postgres", "store")
TABLES = ("sessions", "results", "tests", "test_days")


def kill_in_turns(place: dict, folder: Path, seaweed: SeaweedServer, ended: threading.Event) -> list[str]:
    """Kill the server, PostgreSQL and the store in turns until the clients are done; return the victims."""
    victims: list[str] = []
    port = int(place["collector"].url.rpartition(":")[2])
    while not ended.wait(KILL_EVERY_S):
        victim = VICTIMS[len(victims) % len(VICTIMS)]
        if victim == "server":
            place["collector"].kill()
            place["collector"] = start(folder, seaweed, port=port, key=place["collector"].key)
        elif victim == "postgres":
            pid = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
            psutil.Process(pid).kill()
        else:
            seaweed.kill()
            seaweed.start()
        victims.append(victim)
    return victims


def start(folder: Path, seaweed: SeaweedServer, **more):
    """Start the server on the store."""
    return start_collector(folder, "--segments", URL, environ=seaweed.environ, **more)


def view_rows(database: str) -> dict[str, list]:
    """Rows of the documented tables, which have no numbers that a rebuild gives anew."""
    return {table: sorted(rows_of(database, "", f"select * from insight.{table}"), key=repr) for table in TABLES}


def check_views(folder: Path, seaweed: SeaweedServer) -> tuple[int, int]:
    """Compare the views with those of a rebuild; return the number of segments and of orphans."""
    os.environ.update(seaweed.environ)
    private = PrivateServer(folder)
    engine = open_engine(private.url, segments=URL)
    try:
        do_upkeep(engine)
        while project_all(engine):
            pass
        wrong = list(check_database(engine))
        assert wrong == [], wrong[:5]
        placed = rows_of(private.url, "", "select count(*) from segment where place <> '' and body is null")[0][0]
        assert rows_of(private.url, "", "select count(*) from segment where place = ''") == [(0,)]
        orphans = len(list(find_orphans(engine, bodies_of(engine))))
        before = view_rows(private.url)
        with engine.connect() as connection:
            teams = [team.id for team in list_teams(connection)]
        for team in teams:
            begin_rebuild(engine, team)
            finish_rebuild(engine, team)
        assert view_rows(private.url) == before, "the views are not those of a rebuild"
        return placed, orphans
    finally:
        engine.dispose()
        private.stop()


def main() -> None:
    """Run the campaign."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 60_000
    folder = Path(tempfile.mkdtemp(prefix="insight-campaign-"))
    folder.chmod(0o755)
    logs = make_logs(events)
    seaweed = SeaweedServer(Path(tempfile.mkdtemp(prefix="insight-s3-")))
    seaweed.start()
    place = {"collector": start(folder, seaweed)}
    exported, told = push_all(place, logs, lambda ended: kill_in_turns(place, folder, seaweed, ended))
    assert exported == merge(folder, logs), "the export is not what `insight merge` makes of the logs"
    segments, orphans = check_views(folder, seaweed)
    seaweed.remove()
    print(told)
    print(f"{segments} objects, and {orphans} that no row names; all are sound, and the views are those of a rebuild")


if __name__ == "__main__":
    main()
