"""Exported CTRF against the schema that the npm package `ctrf` carries: `python tests/campaigns/ctrf_schema.py`.

Fetches the newest package (npm is needed, and the network) into a temporary folder.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import jsonschema

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "interchange")]
SCHEMA = "package/dist/ctrf-schema-0.0.json"


def read_schema(folder):
    """Return the schema of the newest package."""
    subprocess.run(["npm", "pack", "--silent", "ctrf"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with tarfile.open(next(folder.glob("ctrf-*.tgz"))) as package:
        return json.load(package.extractfile(SCHEMA))


def main():
    """Print what the schema refuses of a session with every kind of outcome, whole and cut short; exit code 1 if any."""
    from test_exports import every_kind, export, write_log

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        validator = jsonschema.Draft7Validator(read_schema(folder))
        whole = write_log(folder / "whole.jsonl", every_kind())
        cut = write_log(folder / "cut.jsonl", every_kind(), sealed=False, running=["tests/test_a.py::test_running"])
        errors = [
            f"{'/'.join(map(str, error.path))}: {error.message[:200]}"
            for store in (whole, cut)
            for error in validator.iter_errors(json.loads(export(store, "ctrf")))
        ]
    print("\n".join(errors) or "both reports are valid")
    return bool(errors)


if __name__ == "__main__":
    sys.exit(main())
