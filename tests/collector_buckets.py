"""Buckets of collectors in tests: a folder whose requests can be made to fail."""

from pytest_insight.collector.bodies.attaching import attach_bodies, bodies_of
from pytest_insight.collector.bodies.owning import check_segments
from pytest_insight.collector.bodies.store import BodyStore
from pytest_insight.collector.client.bucket.objects import ObjectStorage
from pytest_insight.collector.client.requests import RemoteUnavailableError
from pytest_insight.collector.ingest.segments import zstd


class FaultyObjects(ObjectStorage):
    """Objects in a folder. `fail(what, key)` is called before each request, and may raise.

    Args:
        url: of the folder.
    """

    def __init__(self, url):
        super().__init__(url)
        self.fail = lambda what, key: None

    def list(self, prefix):
        self.fail("list", prefix)
        return super().list(prefix)

    def read(self, key):
        self.fail("read", key)
        return super().read(key)

    def write(self, key, data):
        self.fail("write", key)
        super().write(key, data)

    def delete(self, key):
        self.fail("delete", key)
        super().delete(key)

    def refuse(self, *kinds):
        """Let requests of some kinds fail as those to a store that is away."""

        def fail(what, key):
            if what in kinds:
                raise RemoteUnavailableError(self.url, "connection refused", "later")

        self.fail = fail


class FolderBucket:
    """A folder as the bucket of a database.

    Args:
        folder: of the objects.
    """

    def __init__(self, folder):
        self.folder = folder
        self.url = folder.as_uri()
        self.faults = FaultyObjects(self.url)

    def attach(self, engine, *, adopt=True):
        """Make it the bucket of an engine."""
        store = BodyStore(self.url, self.faults)
        store._resting.begin = lambda reason: None  # each request is tried
        attach_bodies(engine, store)
        if adopt:
            check_segments(engine, adopt=True)
        return store

    def names(self):
        """Names of the objects with segments."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.zst") if path.is_file())

    def everything(self):
        """All lines of all objects."""
        return b"".join(zstd.decompress((self.folder / name).read_bytes()) for name in self.names())


def forget(engine):
    """Drop the bodies that are kept in memory."""
    store = bodies_of(engine)
    store.cache = type(store.cache)()
