"""Import path of `histories`, an independent writer of sessions, for the tests of the parts of the read model."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
