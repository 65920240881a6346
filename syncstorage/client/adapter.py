"""Interface of a test framework's adapter that takes part in a test run."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .results import TestResultManager
    from .runner import SyncStorageRunner


class SyncStorageAdapterInterface(ABC):
    """Base of the adapters of test frameworks."""

    # Defaults of the class, so that subclasses need not call `super().__init__()`.
    sync_storage_runner: "SyncStorageRunner | None" = None
    test_result_manager: "TestResultManager | None" = None

    @abstractmethod
    def initialize_sync_storage(self, config: Any) -> bool:
        """Create a runner from the settings of the framework; return whether that was possible."""

    @abstractmethod
    def start_sync_storage(self) -> bool:
        """Start the runner; return whether this process is a registered worker now."""

    @abstractmethod
    def stop_sync_storage(self) -> None:
        """Stop the runner."""

    @abstractmethod
    def on_test_case_completed(self, test_result: Any) -> bool:
        """Offer a result; return True if Sync Storage holds it, False if the adapter writes it to the server."""

    @abstractmethod
    def finalize_test_case_handling(self) -> None:
        """Report that the result was written."""

    def is_master_worker(self) -> bool:
        """Return whether this process is the master of its test run; False without a runner."""
        runner = self.sync_storage_runner
        return runner is not None and bool(runner.is_master)
