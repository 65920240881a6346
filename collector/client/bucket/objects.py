"""The objects of a bucket or a shared folder, by the library `obstore`.

Credentials come from where the tools of each store take them: `AWS_*`, `GOOGLE_*` and `AZURE_*` in the environment, or
the machine's own role. They are no part of the URL and are never shown.
"""

import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import obstore
from obstore import exceptions
from obstore.store import from_url

from ..addresses import RemoteAddressError, check_bucket_url
from ..requests import RemoteRefusedError, RemoteUnavailableError

_PLAIN_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_LIST_PAGE = 1000
_REFUSAL = re.compile(r"status code: 40[13]\b")
_REFUSED = (PermissionError, exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)


class ObjectEntry(NamedTuple):
    """An object of a listing."""

    key: str
    size: int
    modified: datetime
    """When it was written last, by the clock of the store."""


class Patience(NamedTuple):
    """How long requests to a store may take."""

    connect_s: int = 5
    request_s: int = 60
    retries: int = 3
    retry_s: int = 20
    """Seconds after which no request is repeated."""


_USUAL = Patience()


class ObjectStorage:
    """Objects below a URL.

    Args:
        url: `s3://bucket/prefix`, `gs://`, `az://` or `file:///folder`.
        environ: says whether an endpoint of S3 is reached without TLS.
        patience: how long requests may take.

    Raises:
        RemoteAddressError: the URL cannot be used.
    """

    def __init__(self, url: str, environ: Mapping[str, str] = os.environ, patience: Patience = _USUAL) -> None:
        check_bucket_url(url)
        self.url = url
        options: dict[str, Any] = {}
        if url.startswith("file:"):
            options["mkdir"] = True
        else:
            endpoint = next((environ[name] for name in _PLAIN_ENDPOINTS if environ.get(name)), "")
            options["client_options"] = {
                "timeout": f"{patience.request_s}s",
                "connect_timeout": f"{patience.connect_s}s",
            } | ({"allow_http": True} if endpoint.startswith("http://") else {})
            options["retry_config"] = {
                "max_retries": patience.retries,
                "retry_timeout": timedelta(seconds=patience.retry_s),
            }
            if url.startswith("s3:") and endpoint:
                options["config"] = {"endpoint": endpoint, "region": environ.get("AWS_REGION", "us-east-1")}
        try:
            self._store: Any = from_url(url, **options)
        except (exceptions.BaseError, ValueError, OSError) as error:
            raise RemoteAddressError(f"{url}: {first_line(error)}; check the URL and the credentials") from error

    def list(self, prefix: str) -> Iterator[ObjectEntry]:
        """Yield the objects whose names begin with a prefix.

        Raises:
            RemoteError: the store does not answer, or refuses.
        """
        with _named_errors(self.url):
            for page in obstore.list(self._store, prefix, chunk_size=_LIST_PAGE):
                for entry in page:
                    yield ObjectEntry(entry["path"], entry["size"], entry["last_modified"])

    def read(self, key: str) -> bytes | None:
        """Return the bytes of an object; None if it is gone.

        Raises:
            RemoteError: the store does not answer, or refuses.
        """
        with _named_errors(self.url):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def write(self, key: str, data: bytes) -> None:
        """Write an object, and return after the store has it.

        Raises:
            RemoteError: the store does not answer, or refuses.
        """
        with _named_errors(self.url):
            obstore.put(self._store, key, data, use_multipart=False)

    def delete(self, key: str) -> None:
        """Delete an object; one that is gone is no error.

        Raises:
            RemoteError: the store does not answer, or refuses.
        """
        with _named_errors(self.url):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return


@contextmanager
def _named_errors(url: str) -> Generator[None]:
    try:
        yield
    except _REFUSED as error:
        raise RemoteRefusedError(url, first_line(error), "check the credentials and their rights") from error
    except (exceptions.BaseError, OSError) as error:
        if _REFUSAL.search(first_line(error)):  # listing has no error of its own for this
            raise RemoteRefusedError(url, first_line(error), "check the credentials and their rights") from error
        hint = "nothing is lost; run insight sync later"
        raise RemoteUnavailableError(url, first_line(error), hint) from error


def first_line(error: BaseException) -> str:
    """Return what an error of the library says, without the source that it shows for debugging."""
    text = str(error).strip().split("\n", maxsplit=1)[0].partition(": <?xml")[0]
    return text or type(error).__name__
