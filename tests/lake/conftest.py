"""A home with a log of three months, and a lake beside it."""

import json

import pytest
from collector_homes import Home
from lake_logs import three_months


class LakeHome(Home):
    """A home that exports months."""

    @property
    def lake(self):
        """Folder of the lake."""
        return self.folder / "the lake"

    def export(self, *arguments, check=True, to=None):
        """Run `insight lake export`, and return what was done by month."""
        result = self.here("lake", "export", "--to", to or self.lake, "--json", *arguments, check=check)
        return {each["month"]: each["action"] for each in json.loads(result.stdout)["months"]}


@pytest.fixture
def home(tmp_path):
    """The home."""
    found = LakeHome(tmp_path / "home")
    found.log.write_bytes(three_months())
    return found
