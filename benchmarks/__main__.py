"""Measure everything and print figures beside their targets.

python -m benchmarks [--quick] [--write] [NAME ...]
"""

import argparse
import json
import os
import platform
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module

from .measure import ROOT, WORK, Figure

ALL = (
    "record",
    "record_instructions",
    "redaction",
    "startup",
    "replay",
    "tail",
    "merge",
    "exchange",
    "interchange",
    "questions",
    "report",
    "generation",
    "testdata",
    "syncstorage",
    "taking_part",
    "collector",
    "collector_questions",
    "lake",
    "scale",
)
TABLE_HEAD = ("| what | measured | target | met | on | |", "|---|---|---|---|---|---|")
BEGIN, END = "<!-- bench:", "<!-- /bench -->"


def main() -> int:
    """Run the benchmarks that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ALL)}; default all")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    unknown = set(options.names) - set(ALL)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    WORK.mkdir(exist_ok=True)
    figures: list[Figure] = []
    for name in options.names or ALL:
        print(f"{name} ...", file=sys.stderr, flush=True)
        for figure in import_module(f".{name}", __package__).measure(quick=options.quick):
            verdict = "ok    " if figure.ok else "MISSED"
            print(f"{verdict} {figure.name}: {figure.value} (target {figure.target}) {figure.note}", flush=True)
            figures.append(figure)
    (WORK / "results.json").write_text(json.dumps([asdict(figure) for figure in figures], indent=2))
    if options.write:
        write(figures)
    return 0


def write(figures: list[Figure]) -> None:
    """Put the figures into the table of docs/performance.md; rows that were not measured now keep figure and day."""
    page = ROOT / "docs" / "performance.md"
    head, mark, rest = page.read_text().partition(BEGIN)
    comment, _, rest = rest.partition("\n")
    rows = table_rows(rest.partition(END)[0])
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    for f in figures:
        rows[f.name] = f"| {f.name} | {f.value} | {f.target} | {'yes' if f.ok else '**no**'} | {today} | {f.note} |"
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    machine = f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"
    text = f"Measured on {machine}.\n\n" + "\n".join([*TABLE_HEAD, *rows.values()])
    page.write_text(f"{head}{mark}{comment}\n\n{text}\n\n{END}{rest.partition(END)[2]}")


def table_rows(text: str) -> dict[str, str]:
    """Return the rows of the table of figures by their first column."""
    lines = [line for line in text.splitlines() if line.startswith("|") and line not in TABLE_HEAD]
    return {line.split("|")[1].strip(): line for line in lines}


if __name__ == "__main__":
    sys.exit(main())
