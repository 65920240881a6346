"""The message about a profile that does not exist."""

from ..core.nearest import did_you_mean
from ..core.profiles import list_profiles
from ..eventlog.errors import ProfileError


def check_known(name: str) -> None:
    """Return if there is a profile of this name.

    Raises:
        ProfileError: there is none; the message names the one that was probably meant.
    """
    known = list_profiles()
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise ProfileError(f"profile {name} is unknown{hint}")
