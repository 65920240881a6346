"""The document on the client classes, followed line by line: every sample runs as it stands, against a real service.

Two things are not the document's: the package that the classes are imported from, and the port, which is a free one.
"""

import io
import os
import time
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from pytest_insight.syncstorage import SyncStorageRunner, TestResultManager
from pytest_insight.syncstorage.client import launch

INITIALIZE = """
from testit_python_commons.services.sync_storage import SyncStorageRunner

# Initialize with required parameters
sync_runner = SyncStorageRunner(
    test_run_id="your-test-run-id",
    port="49152",  # Optional, defaults to 49152
    base_url="https://your-testit-instance.com",
    private_token="your-private-token"
)

# Start the service
if sync_runner.start():
    print(f"Sync Storage started successfully. Master worker: {sync_runner.is_master}")
else:
    print("Failed to start Sync Storage")
"""

COMPLETION = """
from testit_python_commons.services.sync_storage import TestResultManager

# Create test result manager
result_manager = TestResultManager(sync_runner)

# When a test completes
test_result = {
    "configurationId": "config-id",
    "autoTestExternalId": "test-external-id",
    "outcome": "Passed",
    "startedOn": "2023-01-01T10:00:00Z",
    "completedOn": "2023-01-01T10:00:05Z",
    "duration": 5000,
    # ... other test result fields
}

# Handle test completion
handled_by_sync_storage = result_manager.handle_test_completion(test_result)

if handled_by_sync_storage:
    print("Test result sent to Sync Storage")
    # Mark test as IN PROGRESS in Test IT
else:
    print("Test result handled normally")
    # Write result normally to Test IT

# After writing to Test IT, finalize handling
result_manager.finalize_test_handling()
"""

STOP = """
# When finished
sync_runner.stop()
"""

FRAMEWORK = """
from testit_python_commons.services.sync_storage import SyncStorageAdapterInterface

class MyFrameworkAdapter(SyncStorageAdapterInterface):
    def initialize_sync_storage(self, config):
        # Initialize Sync Storage with framework config
        self.sync_storage_runner = SyncStorageRunner(
            test_run_id=config["test_run_id"],
            port=config.get("port", "49152"),
            base_url=config["base_url"],
            private_token=config["private_token"]
        )
        return True

    def start_sync_storage(self):
        return self.sync_storage_runner.start()

    def stop_sync_storage(self):
        self.sync_storage_runner.stop()

    def on_test_case_completed(self, test_result):
        # Handle test completion using TestResultManager
        result_manager = TestResultManager(self.sync_storage_runner)
        return result_manager.handle_test_completion(test_result)

    def finalize_test_case_handling(self):
        result_manager = TestResultManager(self.sync_storage_runner)
        result_manager.finalize_test_handling()

# Usage
adapter = MyFrameworkAdapter()
config = {
    "test_run_id": "test-run-123",
    "base_url": "https://testit.example.com",
    "private_token": "token123"
}

if adapter.initialize_sync_storage(config):
    if adapter.start_sync_storage():
        # Run tests...
        adapter.stop_sync_storage()
"""

PROPERTIES = """
from testit_python_commons.services.sync_storage import SyncStorageConfig

# From application properties
properties = {
    "testrunid": "test-run-123",
    "url": "https://testit.example.com",
    "privatetoken": "token123",
    "syncstorage_port": "49152"
}

config = SyncStorageConfig.from_app_properties(properties)

if config.is_valid():
    sync_runner = SyncStorageRunner(
        test_run_id=config.test_run_id,
        port=config.port,
        base_url=config.base_url,
        private_token=config.private_token
    )
"""


@pytest.fixture
def reader(free_port):
    """Types samples into one Python session, and returns what each printed."""
    names = {}

    def run(code):
        code = code.replace("testit_python_commons.services.sync_storage", "pytest_insight.syncstorage")
        code = code.replace('"49152"', f'"{free_port}"')
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(code, "<sample>", "exec"), names)  # noqa: S102 - samples are there to be run
        return out.getvalue()

    run.names = names
    return run


def test_basic_usage_starts_a_service_holds_a_result_and_ends_it(reader, port_of_service):
    """C1: the first three samples in order: the service is started, the result is held, the service is ended again."""
    assert reader(INITIALIZE) == "Sync Storage started successfully. Master worker: True\n"
    assert reader.names["sync_runner"].is_running_as_process()
    assert reader(COMPLETION) == "Test result sent to Sync Storage\n"
    held = port_of_service.runs()["your-test-run-id"]["cuts"]
    assert [(cut["external_id"], cut["status_code"], cut["status_type"]) for cut in held] == [
        ("test-external-id", "Passed", "Succeeded")
    ]
    assert reader(COMPLETION) == "Test result sent to Sync Storage\n"
    assert reader(STOP) == ""
    assert not port_of_service.is_up()


def test_a_second_process_handles_its_results_normally(reader, service):
    """C1: beside another worker, who came first, the samples work and say so; the service stays."""
    with SyncStorageRunner("your-test-run-id", service.port, "https://x", "token") as first:
        assert TestResultManager(first).handle_test_completion({"autoTestExternalId": "first", "outcome": "Passed"})
        assert reader(INITIALIZE) == "Sync Storage started successfully. Master worker: False\n"
        assert reader(COMPLETION) == "Test result handled normally\n"
        reader(STOP)
    assert service.is_up()


def test_framework_integration_runs_through(reader, service, until):
    """C1: the adapter of the fourth sample registers and completes its run."""
    reader("from testit_python_commons.services.sync_storage import SyncStorageRunner, TestResultManager")
    reader(FRAMEWORK)
    assert until(lambda: service.runs()["test-run-123"]["status"] == "completed")
    adapter = reader.names["adapter"]
    assert adapter.start_sync_storage()
    assert adapter.on_test_case_completed({"autoTestExternalId": "x", "outcome": "Failed"})
    adapter.finalize_test_case_handling()
    assert adapter.is_master_worker()
    adapter.stop_sync_storage()


def test_configuration_from_properties_makes_a_runner(reader, service):
    """C1: the properties of the fifth sample are a valid configuration, and its runner starts."""
    reader("from testit_python_commons.services.sync_storage import SyncStorageRunner")
    reader(PROPERTIES)
    runner = reader.names["sync_runner"]
    assert runner.start()
    assert runner.get_test_run_id() == "test-run-123"
    runner.stop()


def test_a_started_service_stays_while_others_work(free_port, port_of_service, until):
    """C6: who started the service leaves it running while another worker is live, and nobody else ends it."""
    first = SyncStorageRunner("run", free_port, "https://x", "token")
    second = SyncStorageRunner("another run", free_port, "https://x", "token")
    assert first.start()
    assert second.start()
    assert (first.is_external_service, second.is_external_service) == (False, True)
    first.stop()
    first.stop()
    assert port_of_service.is_up()
    second.stop()
    assert port_of_service.is_up()


def test_a_service_that_crashed_is_stopped_without_a_word(free_port, until):
    """C6: stop() after the service it started was killed raises nothing, at once and again."""
    runner = SyncStorageRunner("run", free_port, "https://x", "token")
    assert runner.start()
    os.kill(runner._service.own_pid, 9)
    assert until(lambda: not runner.is_running_as_process())
    begun = time.monotonic()
    runner.stop()
    runner.stop()
    assert time.monotonic() - begun < 60
    assert not runner.is_running_status()


def test_of_many_who_start_a_service_at_once_one_does(free_port, port_of_service):
    """Four runners that find no service start four; one gets the port, all register, and there is one master."""
    import threading

    runners = [SyncStorageRunner("run", free_port, "https://x", "token") for _ in range(4)]
    barrier, answers = threading.Barrier(4), []

    def start(runner):
        barrier.wait()
        answers.append(runner.start())

    threads = [threading.Thread(target=start, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 4
    assert len(port_of_service.runs()["run"]["workers"]) == 4
    assert sum(worker["is_master"] for worker in port_of_service.runs()["run"]["workers"]) == 1
    assert len([runner for runner in runners if runner.is_running_as_process()]) == 1
    for runner in runners:
        runner.stop()


def test_the_token_is_in_no_argument_of_a_process(free_port, port_of_service):
    """C7: a service that the runner starts gets the token by its environment; its arguments are for everybody to read."""
    runner = SyncStorageRunner("run", free_port, "https://x", "tok-secret-7")
    assert runner.start()
    arguments = Path(f"/proc/{runner._service.own_pid}/cmdline").read_text().split("\0")
    assert "--testRunId" in arguments
    assert not [argument for argument in arguments if "tok-secret-7" in argument]
    assert launch.is_alive(runner._service.own_pid)
    runner.stop()
