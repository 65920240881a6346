"""URL and key of a collector."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ...eventlog.errors import EventLogError
from ...eventlog.home.paths import is_bucket_url

URL_VARIABLE = "INSIGHT_REMOTE_URL"
KEY_VARIABLE = "INSIGHT_API_KEY"
KEY_FILE_VARIABLE = "INSIGHT_API_KEY_FILE"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class RemoteAddressError(EventLogError, ValueError):
    """A collector cannot be reached with these settings; the message has the setting, the reason and a hint."""


def check_bucket_url(url: str) -> None:
    """Check the URL of a bucket or a folder.

    Raises:
        RemoteAddressError: it is another URL, or has a password.
    """
    parts = urlsplit(url)
    if not is_bucket_url(url) or not (parts.netloc or (parts.scheme == "file" and parts.path.startswith("/"))):
        known = "s3://bucket/prefix, gs://bucket/prefix, az://container/prefix or file:///folder"
        raise RemoteAddressError(f"{url}: not the URL of a bucket or a folder; give one as {known}")
    if parts.username or parts.password:
        raise RemoteAddressError(f"{parts.scheme}://{parts.hostname}: the URL holds a password; use the environment")
    if parts.query or parts.fragment:
        raise RemoteAddressError(f"{url.partition('?')[0]}: the URL has a query; give bucket and prefix alone")


@dataclass(frozen=True)
class Address:
    """A collector and the key to it.

    Attributes:
        url: without a slash at the end.
        key: sent with every request; never shown.
    """

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Address({self.url!r})"


def read_address(
    url: str | None, key: str | None, environ: Mapping[str, str] = os.environ, *, key_file: str = ""
) -> Address:
    """Return the address from options, or from the environment for what is not given.

    Args:
        url: of the collector.
        key: its text.
        environ: has what is not given.
        key_file: file with the key, of a profile; it goes before the environment, which may have the key to another
            collector.

    Raises:
        RemoteAddressError: no address is given, or it is not usable.
    """
    found = (url or environ.get(URL_VARIABLE, "")).rstrip("/")
    if not found:
        raise RemoteAddressError(f"--remote-url: no collector is named; give its URL, or set {URL_VARIABLE}")
    if is_bucket_url(found):
        check_bucket_url(found)
        return Address(found, "")
    parts = urlsplit(found)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RemoteAddressError(
            f"{found}: not an http or https URL, and not a bucket; give one as https://insight.example.com"
        )
    if parts.username or parts.password:
        raise RemoteAddressError(f"{parts.hostname}: the URL holds a password; set {KEY_VARIABLE} instead")
    return Address(found, _checked_key((key or _key_in(Path(key_file))) if key or key_file else _key_given(environ)))


def _key_given(environ: Mapping[str, str]) -> str:
    path = environ.get(KEY_FILE_VARIABLE, "")
    return environ.get(KEY_VARIABLE, "") or (_key_in(Path(path)) if path else "")


def _checked_key(text: str) -> str:
    found = text.strip()
    if not found:
        raise RemoteAddressError(f"{KEY_VARIABLE}: no key is given; set it, or {KEY_FILE_VARIABLE} to a file with it")
    if not (found.isascii() and found.isprintable()) or " " in found:
        raise RemoteAddressError(f"{KEY_VARIABLE}: not a key of a collector; it begins with ik_")
    return found


def _key_in(path: Path) -> str:
    try:
        if path.stat().st_mode & _OTHERS:
            raise RemoteAddressError(f"{path}: other users may read the key; run: chmod 600 {path}")
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise RemoteAddressError(f"{path}: the key cannot be read: {error}; see {KEY_FILE_VARIABLE}") from error
