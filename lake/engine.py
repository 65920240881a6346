"""The library of Arrow, which has no types, and names for what it makes."""

from typing import Any, cast

import pyarrow  # noqa: ICN001  # pyright: ignore[reportMissingTypeStubs]
import pyarrow.compute  # pyright: ignore[reportMissingTypeStubs]

pa: Any = cast("Any", pyarrow)
pc: Any = cast("Any", pyarrow.compute)  # pyright: ignore[reportUnknownMemberType]

ArrowArray = Any
ArrowBatch = Any
ArrowSchema = Any
ArrowType = Any
