"""An object store that knows nothing but PUT, GET, DELETE and lists, and no conditions: two homes share it all the same."""

import re
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest
from collector_homes import merged

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class PlainStore(BaseHTTPRequestHandler):
    """Answers requests; what is stored and the headers that came are kept by the server."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Print nothing."""

    def _answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", f"{NOW:%a, %d %b %Y %H:%M:%S GMT}")
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    def do_PUT(self):
        """Store an object, also over another one."""
        self.server.seen.append(dict(self.headers))
        self.server.objects[self._key()] = self._body()
        self._answer(200)

    def do_GET(self):
        """Return an object, or a list."""
        asked = parse_qs(urlsplit(self.path).query)
        if "list-type" in asked:
            self._answer(200, self._list(asked.get("prefix", [""])[0]).encode())
        elif self._key() in self.server.objects:
            self._answer(200, self.server.objects[self._key()])
        else:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_DELETE(self):
        """Delete an object."""
        self.server.objects.pop(self._key(), None)
        self._answer(204)

    def do_POST(self):
        """Delete several objects."""
        keys = re.findall(r"<Key>(.*?)</Key>", self._body().decode())
        for key in keys:
            self.server.objects.pop(key, None)
        deleted = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _key(self):
        return unquote(urlsplit(self.path).path).removeprefix("/bucket/")

    def _body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _list(self, prefix):
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(data)}</Size><ETag>1</ETag>"
            f"<LastModified>{NOW:%Y-%m-%dT%H:%M:%S.000Z}</LastModified></Contents>"
            for key, data in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"


@pytest.fixture
def plain_store(monkeypatch):
    """The server; clients find it by the environment."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), PlainStore)
    server.objects, server.seen = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_homes_share_a_store_without_conditions(tmp_path, make_home, plain_store):
    """No write depends on a condition, which such stores ignore: the name of an object says what is in it."""
    first, second = make_home("first"), make_home("second")
    first.record("one")
    second.record("two")
    for home in (first, second, first):
        home.sync("s3://bucket/prefix")
    assert merged(tmp_path, first.log) == merged(tmp_path, second.log) == merged(tmp_path, first.log, second.log)
    conditions = {name for headers in plain_store.seen for name in headers if name.lower().startswith("if-")}
    assert len(plain_store.seen) >= 2
    assert conditions == set()
