"""Decision for each finished test: hold its result in Sync Storage, or write it to the server."""

from collections.abc import Mapping
from typing import Any

from .cut import cut_of
from .runner import SyncStorageRunner
from .safety import never_fails


class TestResultManager:
    """Decides for each finished test whether Sync Storage holds its result or the adapter writes it to the server.

    All state is in the runner, so each test can have a manager of its own.

    Args:
        sync_storage_runner: a runner.
        project_id: project of results that name none.
    """

    __test__ = False  # the name looks like a test to pytest

    def __init__(self, sync_storage_runner: SyncStorageRunner, project_id: str = "") -> None:
        self.sync_storage_runner = sync_storage_runner
        self.project_id = project_id

    @never_fails(default=False)
    def handle_test_completion(self, test_result: Mapping[str, Any]) -> bool:
        """Offer a result to Sync Storage; nothing is written to the server.

        Returns:
            True if Sync Storage holds it now: write it as in progress. False: write it as usual.
        """
        runner = self.sync_storage_runner
        runner.note_activity()
        if not runner.is_master or runner.already_in_progress:
            return False
        return runner.send_in_progress_test_result(cut_of(test_result, self.project_id))

    @never_fails(default=None)
    def finalize_test_handling(self) -> None:
        """Report that the result was written, so that the master may offer the next one."""
        if self.sync_storage_runner.is_master:
            self.sync_storage_runner.reset_in_progress_flag()
