"""Names of attributes and methods that released versions of the original client have."""


class ReleasedNames:
    """Aliases of a runner's attributes."""

    test_run_id: str
    port: str
    pid: str
    is_master: bool
    is_external_service: bool
    already_in_progress: bool

    @property
    def worker_pid(self) -> str:
        """Id of the worker; newer name of `pid`."""
        return self.pid

    @property
    def is_external(self) -> bool:
        """Newer name of `is_external_service`."""
        return self.is_external_service

    @property
    def is_already_in_progress(self) -> bool:
        """Newer name of `already_in_progress`."""
        return self.already_in_progress

    @is_already_in_progress.setter
    def is_already_in_progress(self, value: bool) -> None:
        self.already_in_progress = value

    def get_worker_pid(self) -> str:
        """Return the id of this worker."""
        return self.pid

    def get_test_run_id(self) -> str:
        """Return the test run."""
        return self.test_run_id

    def get_url(self) -> str:
        """Return the address of the service."""
        return f"http://localhost:{self.port}"

    def is_master_worker(self) -> bool:
        """Return whether this worker is the master."""
        return self.is_master

    def is_already_in_progress_flag(self) -> bool:
        """Return whether the service holds a result of this worker."""
        return self.already_in_progress
