"""Homes that share a folder as a bucket, in this process."""

import json

import pytest
from collector_homes import Home


class BucketHome(Home):
    """A home that syncs with a bucket, in this process."""

    def sync(self, bucket, *arguments, check=True):
        """Run `insight sync` and return what it prints as JSON."""
        return json.loads(self.here("sync", bucket, "--json", *arguments, check=check).stdout)


@pytest.fixture
def folder(tmp_path):
    """The folder that is shared."""
    return tmp_path / "shared folder"


@pytest.fixture
def bucket(folder):
    """Its URL."""
    return folder.as_uri()


@pytest.fixture
def make_home(tmp_path):
    """Return a function that makes homes."""
    return lambda name: BucketHome(tmp_path / name)


@pytest.fixture
def objects(folder):
    """Return a function that returns the objects by their keys."""
    return lambda: {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }
