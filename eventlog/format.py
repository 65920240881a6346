"""Constants of log format 1, as docs/format.md defines it."""

from typing import Final

FORMAT_VERSION: Final = 1
"""The version a writer stamps into the `v` of every line.

Changelog:
    1  first version.
"""

NEWLINE: Final = b"\n"

DIGEST_SIZE: Final = 16
"""Bytes of a BLAKE2b-128 digest."""

DIGEST_HEX: Final = 2 * DIGEST_SIZE

DIGEST_KEY: Final = b',"digest":"'

LINE_END: Final = b'"}'

DIGEST_PLACE: Final = slice(-(DIGEST_HEX + len(LINE_END) + 1), -(len(LINE_END) + 1))
"""Place of the digest in a line with its newline."""
SUFFIX_SIZE: Final = len(DIGEST_KEY) + DIGEST_HEX + len(LINE_END)
"""Fixed width of `,"digest":"<32 hex>"}` at the end of every line, without the newline."""

HEAD: Final = b'{"v":'
"""First bytes of every line; salvage looks for them behind a fragment."""

LINE_BYTES_MAX: Final = 256 * 1024
"""Longest line a writer produces, newline included; a reader skips longer ones as oversize."""

LIVE_SUFFIX: Final = ".live"
"""Sessions that are recorded into a log `NAME.jsonl` write files of their own in the folder `NAME.live`."""

EARLIER_LIVE_SUFFIX: Final = ".spool"
"""Earlier releases kept such files in the folder `NAME.jsonl.spool`; they are still read and collected."""

PACK_SUFFIX: Final = ".packs"
"""`insight log pack` moves old sessions of a log `NAME` into compressed files in the folder `NAME.packs`."""

LOG_SUFFIX: Final = ".jsonl"

BROKEN_SUFFIX: Final = ".broken"
"""Repair keeps the damaged original as `NAME.broken`."""

EMPTY_LOG_SUFFIXES: Final = frozenset({LOG_SUFFIX, ".json", ".ndjson", ".log", ""})
"""Suffixes of an existing empty file that may be used as a log."""
