"""A real object store for tests: SeaweedFS, as one process with its data in a folder."""

import json
import random
import shutil
import socket
import subprocess
import sys
import time
from http.client import CONFLICT
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from obstore.exceptions import BaseError
from obstore.store import S3Store

GRPC_OFFSET = 10_000
"""The server listens on each of its ports and on the one so much higher."""
KEY, SECRET = "test-key", "test-secret-5d1c"


def free_port():
    """Return a port that is free together with its second one."""
    while True:
        port = random.randint(20_000, 50_000)
        try:
            for number in (port, port + GRPC_OFFSET):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port


class SeaweedServer:
    """The server with one bucket, `logs`.

    Args:
        folder: of its data.
    """

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        actions = ["Admin", "Read", "Write", "List"]
        identity = {
            "name": "test",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": actions,
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        self.ports = {name: free_port() for name in ("master", "volume", "filer", "s3")}
        self.url = f"http://127.0.0.1:{self.ports['s3']}"
        self.process = None

    @property
    def environ(self):
        """Variables with which its tools find and enter it."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def start(self):
        """Start it, and wait until an object can be written and read."""
        ports = [f"-{name}.port={port}" for name, port in self.ports.items()]
        program = Path(sys.executable).with_name("weed")
        limits = ["-master.volumeSizeLimitMB=64", "-volume.max=8", "-master.telemetry=false"]
        places = [
            f"-dir={self.folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            f"-s3.config={self.folder}/s3.json",
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program, "server", *places, *limits, *ports], stdout=log, stderr=log)
        store = S3Store(
            "logs",
            endpoint=self.url,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        deadline = time.monotonic() + 300
        while not self._answers(store):
            assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _answers(self, store):
        try:
            self._make_bucket()
            store.put("probe", b"1")
            return bytes(store.get("probe").bytes()) == b"1"
        except (OSError, BaseError):
            return False

    def _make_bucket(self):
        """Make the folder that is the bucket; it may be there."""
        try:
            urlopen(Request(f"http://127.0.0.1:{self.ports['filer']}/buckets/logs/", method="POST"), timeout=10).close()
        except HTTPError as error:
            if error.code != CONFLICT:
                raise

    def kill(self):
        """End it as a crash does."""
        self.process.kill()
        self.process.wait()

    def remove(self):
        """End it, and remove its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
