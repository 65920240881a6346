"""Storage of the sessions of a collector."""

from .storage import JSONStorage, LogStorage, get_storage_instance


def storage_meant(profile_name: str | None, url: str | None, api_key: str | None) -> LogStorage:
    """Return the storage of a profile, or of a collector.

    Raises:
        ValueError: both are named, or a key without a URL; or one of them is not usable.
        FileNotFoundError: a collector is named, and the extra `remote` is not installed.
    """
    if url is None:
        if api_key is not None:
            raise ValueError("api_key: a key needs the URL of its collector; give url")
        return get_storage_instance(profile_name)
    if profile_name is not None:
        raise ValueError(f"profile {profile_name} and {url}: give one of them")
    return get_remote_storage(url, api_key)


def get_remote_storage(url: str, api_key: str | None = None) -> JSONStorage:
    """Return the storage of a collector that no profile names: a log in the home, which is filled before each question.

    Args:
        url: of the collector.
        api_key: key to it; None for that of the environment.

    Raises:
        FileNotFoundError: the extra `remote` is not installed.
        ValueError: the URL or the key is not usable.
    """
    from .remotes import CatchingUp, mirror_of_url  # noqa: PLC0415 - rarely needed

    mirror = mirror_of_url(url, api_key)
    storage = JSONStorage(mirror.log)
    storage.store.catch_up = CatchingUp(mirror)
    return storage
