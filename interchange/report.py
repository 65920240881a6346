"""Results of an import of files of any kind."""

from collections import Counter
from dataclasses import dataclass, field

from ..core.exchange.importing import ImportReport


@dataclass
class ImportedFiles(ImportReport):
    """Results of an import of files of any kind."""

    repaired: list[str] = field(default_factory=list[str])
    """Files that were imported and are not wholly as they were written, each with the reason."""
    notes: list[str] = field(default_factory=list[str])
    """Facts that the user should know and that change nothing."""
    verdicts: Counter[str] = field(default_factory=Counter[str])
    """Verdicts of the tests of files of other tools that were read."""
    usable: bool = False
    """There were files of our own formats."""
    files: int = 0
    """Files of other tools that were read."""
    unplaced: int = 0
    """Tests whose node id could not be found out."""
