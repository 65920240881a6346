"""The read model: a disposable SQLite copy of what a log says, which every question reads.

Each question first catches up with the log from the checkpoint. A model that does not match its log (the log was
replaced or packed, the file is damaged, another release made it) is rebuilt in one transaction.

- `facade`: `ReadModel`, the one class that other rooms use
- `shapes`: results that the read model returns
- `errors`: errors of a session or commit that is unknown or ambiguous
- `matching`: which session or commit a text means
- `connection`: the SQLite connection, its tables and transactions
- `model_file`: opens, creates and removes the file of a model
- `schema`: tables of the model
- `log_files`: numbers of the files of a log, checkpoints, and the check against the log
- `catch_up`: folds new events into the model, or rebuilds it
- `visibility`: which sessions are shown, and under which names
- `queries`: sessions, systems, findings and counts
- `attempts`: attempts of a session and node ids
- `log_lookup`: events of the log by their positions
- `differences`: compares a model with a rebuilt one
"""

from .errors import AmbiguousCommitError, AmbiguousPrefixError, UnknownSessionError
from .facade import ReadModel
from .shapes import Attempted, CatchUp, Progress, Roster, StoredVerdict, StoredVerdicts

__all__ = [
    "AmbiguousCommitError",
    "AmbiguousPrefixError",
    "Attempted",
    "CatchUp",
    "Progress",
    "ReadModel",
    "Roster",
    "StoredVerdict",
    "StoredVerdicts",
    "UnknownSessionError",
]
