"""The released NPM client of Test IT against our service: `python tests/campaigns/npm_client.py [--package testit-js-commons@5]`.

Installs the package into a temporary folder (node and npm are needed, and the network), and drives its `SyncStorageRunner`
in node processes of their own: a whole test run, a service that the client starts by the script of `install`, and a worker
that is killed, so that the master waits three times 15 s and then forces the completion.
"""

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pytest_insight.syncstorage.shim import install

HERE = Path(__file__).parent
PACKAGE = "testit-js-commons@5"
TRIES, TIMEOUT_S, PAUSE_S = 3, 15.0, 0.3
"""How often the client waits for a completion, how long each time, and its pause between two tries."""
LOOK_S = 0.1


def load_service():
    """The class that the tests start a service with."""
    spec = importlib.util.spec_from_file_location("sync_conftest", HERE.parent / "syncstorage" / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Service


class Worker:
    """A node process with one runner of the client."""

    def __init__(self, folder, test_run, port):
        command = ["node", str(HERE / "npm_client.cjs"), test_run, str(port)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, cwd=folder, stdin=pipe, stdout=pipe, text=True)

    def begin(self, method, *arguments):
        """Call a method and do not wait for its end."""
        self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self.process.stdin.flush()

    def answer(self):
        """What the call came to: `result`, `s`, `master`, `pid`."""
        for line in self.process.stdout:
            if line.startswith("ANSWER "):
                return json.loads(line.removeprefix("ANSWER "))
            print(f"  client: {line.rstrip()}")
        raise AssertionError("the node process ended without an answer")

    def call(self, method, *arguments):
        """Call a method and wait for what it comes to."""
        self.begin(method, *arguments)
        return self.answer()

    def __enter__(self):
        """Nothing is to be done before."""
        return self

    def __exit__(self, *_):
        """Leave no process behind."""
        self.process.kill()
        self.process.communicate()


def check(fact, what, seen=None):
    """Hold a fact, whether or not Python runs with -O."""
    if not fact:
        raise AssertionError(f"{what}: {seen}")


def statuses(run):
    """The status of each worker by its pid."""
    return {worker["pid"]: worker["status"] for worker in run["workers"]}


def registered(master, other):
    """Start both runners, and say that they work; their pids."""
    first, second = master.call("start"), other.call("start")
    check(first["result"] and second["result"], "both register", (first, second))
    check((first["master"], second["master"]) == (True, False), "the first is the master", (first, second))
    for worker in (master, other):
        worker.call("setWorkerStatus", "in_progress")
    return first["pid"], second["pid"]


def whole_run(service, folder):
    """A test run from the first registration to its completion."""
    service.start()
    with Worker(folder, "whole run", service.port) as master, Worker(folder, "whole run", service.port) as other:
        pids = registered(master, other)
        check(statuses(service.run("whole run")) == dict.fromkeys(pids, "in_progress"), "both work")
        early = other.call("waitForInProgressPublished", 500)
        check(early["result"] is False, "nothing is published before the cut", early)
        check(not other.call("send", "test-2")["result"], "who is not the master sends no cut")
        other.begin("waitForInProgressPublished", 3000)
        sent = master.call("send", "test-1")
        check(sent["result"] is True, "the cut is taken", sent)
        seen = other.answer()
        check(seen["result"] is True, "who polls learns that a result is held", seen)
        check(not master.call("send", "test-3")["result"], "the client sends one cut only")
        run = service.run("whole run")
        check(run["published"] and run["status"] == "open" and run["master"] == pids[0], "published and open", run)
        [cut] = run["cuts"]
        kept = (cut["external_id"], cut["status_code"], cut["status_type"], cut["project_id"])
        check(kept == ("test-1", "Passed", "Succeeded", "project-1"), "the cut is as it was sent", cut)
        master.call("setWorkerStatus", "completed")
        master.begin("completeProcessing")
        time.sleep(1)
        run = service.run("whole run")
        check(run["status"] == "open", "it is not complete while one works", run)
        other.call("setWorkerStatus", "completed")
        waited = master.answer()
        run = service.run("whole run")
        check(run["status"] == "completed" and run["generation"] == 1, "completed without force", run)
        check(statuses(run) == dict.fromkeys(pids, "completed"), "both completed", run)
    check(service.get("/status").json["repeated_cuts"] == 0, "no cut came twice")
    sent_ms, seen_ms = sent["s"] * 1000, seen["s"] * 1000
    print(
        f"  cut answered in {sent_ms:.0f} ms, seen by the other after {seen_ms:.0f} ms, waited {waited['s']:.1f} s, 1 s of it for us"
    )


def started_by_client(service, folder):
    """A service that the client itself starts."""
    with Worker(folder, "own", service.port) as worker:
        version = worker.call("version")["result"]
        install(Path(folder), version)
        started = worker.call("start")
        try:
            check(started["result"] and started["master"], "the client starts the service and is the master", started)
            worker.call("setWorkerStatus", "in_progress")
            check(worker.call("send", "test-1")["result"], "the cut is taken")
            worker.call("setWorkerStatus", "completed")
            done = worker.call("completeProcessing")
            run = service.run("own")
            check(run["status"] == "completed" and len(run["cuts"]) == 1, "completed with its cut", run)
        finally:
            if service.is_healthy():
                service.post("/shutdown")
    print(f"  asks for {version}; started and registered in {started['s']:.1f} s, completed in {done['s']:.1f} s")


def waits_seen(service, process, until_s):
    """How many separate waits there were, and how many at most together, until nobody waits any more for good."""
    begun = most = before = 0
    deadline = time.monotonic() + until_s
    while time.monotonic() < deadline and service.run("forced")["status"] == "open":
        check(process.poll() is None, "the client lives")
        now = service.get("/status").json["waiting"]
        begun, most, before = begun + (now > before), max(most, now), now
        time.sleep(LOOK_S)
    return begun, most


def forced(service, folder):
    """A worker is killed; the master waits in vain and forces the completion."""
    service.start()
    with Worker(folder, "forced", service.port) as master, Worker(folder, "forced", service.port) as other:
        first, second = registered(master, other)
        check(master.call("send", "test-1")["result"], "the cut is taken")
        other.process.kill()
        master.call("setWorkerStatus", "completed")
        master.begin("completeProcessing")
        expected = TRIES * TIMEOUT_S + (TRIES - 1) * PAUSE_S
        begun, most = waits_seen(service, master.process, expected + 15)
        took = master.answer()["s"]
    run = service.run("forced")
    check(run["status"] == "force_completed" and len(run["cuts"]) == 1, "completed by force, with its cut", run)
    check(statuses(run) == {first: "completed", second: "abandoned"}, "the killed one is abandoned", run)
    check(expected <= took < expected + 5, "three waits in full, and an answer at once to the force", took)
    check((begun, most) == (TRIES, 1), "three waits, and none lasts longer than its client", (begun, most))
    check(service.get("/status").json["waiting"] == 0, "nobody waits any more")
    print(f"  {begun} waits, at most {most} at a time; forced and done {took:.2f} s after the first began")


def install_client(folder, package):
    """The version of the client that npm installed."""
    Path(folder, "package.json").write_text('{"private": true}')
    # What a package wants to run at its installation is none of our business.
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", package]
    subprocess.run(command, cwd=folder, check=True)
    manifest = Path(folder, "node_modules", "testit-js-commons", "package.json")
    return json.loads(manifest.read_text())["version"]


def main() -> int:
    """Run all, and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default=PACKAGE, help=f"What npm installs (default: {PACKAGE}).")
    options = parser.parse_args()
    if not (shutil.which("node") and shutil.which("npm")):
        print("node and npm are needed: install them, and see that they are on the PATH")
        return 2
    good = True
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTEST_INSIGHT_HOME"] = f"{folder}/home"
        version = install_client(folder, options.package)
        node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
        print(f"testit-js-commons {version}, node {node}", flush=True)
        make = load_service()
        for work in (whole_run, started_by_client, forced):
            service, began, said = make(Path(folder, "home")), time.monotonic(), "holds"
            try:
                work(service, folder)
            except (AssertionError, OSError) as error:
                said, good = f"BROKEN {error}", False
            finally:
                if service.process is not None:
                    service.kill()
            print(f"{work.__name__}: {said}, {time.monotonic() - began:.0f} s", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
