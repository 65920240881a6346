"""End of a session: exit status of the process, and steps that do not stop each other."""

from collections.abc import Callable, Iterable

import pytest

from ...eventlog.plain import clean_text, shorten, type_name

_ERROR_BYTES_MAX = 16 * 1024
_UNCAUGHT = 1
"""Exit status of a process that an exception ends."""

Step = tuple[str, Callable[[], None]]
"""Name and function of a step at the end of a session."""


class Ending:
    """Known facts about the end of a run: the session, and the exception that another plugin raised."""

    def __init__(self) -> None:
        self.session: pytest.Session | None = None
        self.error_text = ""
        self._status_by_error: int | None = None

    @property
    def exit_status(self) -> int | None:
        """Exit status of the process as far as it is known; None before the session began."""
        if self._status_by_error is not None:
            return self._status_by_error
        return None if self.session is None else int(self.session.exitstatus)

    def note_error(self, hook: str, error: BaseException, *, exit_is_caught: bool) -> None:
        """Keep an exception that another plugin raised in a hook at the end.

        Args:
            hook: name of the hook.
            error: the exception.
            exit_is_caught: True if pytest itself takes the exit status of a `pytest.exit` in this hook.
        """
        if isinstance(error, pytest.exit.Exception) and exit_is_caught:
            self.error_text = self.error_text or _text_of(hook, error)
            return
        self._status_by_error = status_of_error(error)
        self.error_text = _text_of(hook, error)


def status_of_error(error: BaseException) -> int:
    """Return the exit status of a process that ends with an exception."""
    if isinstance(error, pytest.UsageError):
        return int(pytest.ExitCode.USAGE_ERROR)
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        return error.code & 0xFF if isinstance(error.code, int) else _UNCAUGHT
    if isinstance(error, KeyboardInterrupt):
        return 130
    return _UNCAUGHT


def run_steps(steps: Iterable[Step], degrade: Callable[[str, BaseException], None]) -> None:
    """Run all steps; a step that fails does not stop the others.

    Args:
        steps: names and functions, in order.
        degrade: called with the name of a failed step, and the error.
    """
    for name, step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the boundary: the next step runs in any case
            degrade(name, error)


def _text_of(hook: str, error: BaseException) -> str:
    try:
        text = f"{hook}: {type_name(error)}: {error}"
    except Exception:  # noqa: BLE001 - an exception whose text cannot be made
        text = f"{hook}: {type_name(error)}"
    return shorten(clean_text(text)[0], _ERROR_BYTES_MAX)[0]
