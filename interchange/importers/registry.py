"""All import formats of other tools."""

from .allure import AllureImporter
from .buildkite import BuildkiteImporter
from .ctrf import CtrfImporter
from .json_report import JsonReportImporter
from .junit.importer import JUnitImporter
from .protocol import Importer
from .reportlog import ReportLogImporter

IMPORTERS: tuple[Importer, ...] = (
    JUnitImporter(),
    ReportLogImporter(),
    JsonReportImporter(),
    CtrfImporter(),
    AllureImporter(),
    BuildkiteImporter(),
)
"""In the order in which they are tried; the first that recognizes a file reads it."""


def importer_named(name: str) -> Importer:
    """Return the import format of this name.

    Raises:
        ValueError: there is no such format.
    """
    for importer in IMPORTERS:
        if importer.name == name.lower():
            return importer
    names = ", ".join(importer.name for importer in IMPORTERS)
    raise ValueError(f"--as {name}: no such format; use one of {names}")


def importer_for(name: str, head: bytes) -> Importer | None:
    """Return the import format of a file; None if it has none of them."""
    return next((importer for importer in IMPORTERS if importer.recognizes(name, head)), None)
