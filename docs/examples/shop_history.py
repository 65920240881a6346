"""Record the history of a small project, with everything that goes wrong in a week.

python docs/examples/shop_history.py FOLDER

FOLDER/shop becomes a git repository with five branches, FOLDER/home the home of pytest-insight with one session a run:
the tests of `shop` on two databases (the variants), by real pytest processes whose clocks are set back.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

SHOP = """
import os, time

PRICES = {"apple": 120, "book": 999}

def total(basket):
    return sum(PRICES[name] * count for name, count in basket.items())

def reserve(stock, name):
    stock[name] -= 1
    return stock

def by_name(text):
    return [name for name in PRICES if text in name]

def by_price(limit):
    return [name for name, price in PRICES.items() if price <= limit]

def rate_of(currency):
    if os.environ.get("SHOP_RATES") == "down":
        raise TimeoutError("rates.example: no answer in 5 s")
    return {"eur": 1.0, "usd": 1.1}[currency]

def callback():
    if os.environ.get("SHOP_BANK") == "silent":
        time.sleep(600)
    return "paid"
"""
CONFTEST = """
import os, pytest

@pytest.fixture(autouse=True)
def database():
    if os.environ.get("SHOP_DB_STATE") == "down":
        raise ConnectionError("db down")
    return os.environ["SHOP_DB"]
"""
TESTS = {
    "test_cart.py": """
import pytest, shop

def test_total():
    assert shop.total({"apple": 2, "book": 1}) == 1239

def test_empty():
    assert shop.total({}) == 0

@pytest.mark.parametrize("currency", ["eur", "usd"])
def test_rate(currency):
    assert shop.rate_of(currency) >= 1
""",
    "test_stock.py": """
import shop

def test_reserve(database):
    assert shop.reserve({"apple": 3}, "apple") == {"apple": 2}
""",
    "test_search.py": """
import shop

def test_by_name():
    assert shop.by_name("app") == ["apple"]

def test_by_price():
    assert shop.by_price(500) == ["apple"]
""",
    "test_payment.py": """
import shop

def test_callback():
    print("waiting for the bank")
    assert shop.callback() == "paid"
""",
    "test_voucher.py": """
def test_old_voucher():
    assert "XMAS-2019".startswith("XMAS")
""",
}
COUPON = """
def test_coupon():
    assert 999 * {rate} // 100 == 899
"""
CLOCK = """
import os, time
_shift_ns = int(os.environ.get("SHOP_CLOCK_SHIFT_S", "0")) * 10**9
if _shift_ns:
    _time_ns = time.time_ns
    time.time_ns = lambda: _time_ns() + _shift_ns
    time.time = lambda: time.time_ns() / 1e9
"""
"""Taken up by Python at its start: a process whose clock is wrong from the beginning."""

BOTH = ("sqlite", "postgres")
STEP = timedelta(hours=5)
STEPS = 35
"""Sessions are five hours apart; the last one is of now."""


class Project:
    """The repository, and the clock that its runs have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shop"
        self.home = folder / "home"
        self._clock = folder / "clock"
        self._steps = 0
        self._began = datetime.now(UTC) - STEPS * STEP
        for path in (self.folder, self._clock):
            path.mkdir(parents=True)
        (self._clock / "sitecustomize.py").write_text(CLOCK)
        (self.folder / "pytest.ini").write_text("[pytest]\ninsight_sut = shop\n")
        self._git("init", "-q", "-b", "main")
        self._git("config", "user.name", "Ada")
        self._git("config", "user.email", "ada@shop.example")

    def _git(self, *words: str) -> str:
        at = (self._began + self._steps * STEP).isoformat()
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=os.environ | dates, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, subject: str, **files: str | None) -> str:
        """Write files (`test_a="..."`, None removes one), commit all, and return the hash."""
        for name, text in files.items():
            path = self.folder / f"{name}.py"
            path.write_text(text) if text is not None else path.unlink()
        self._git("add", "--all")
        self._git("commit", "-q", "-m", subject)
        return self._git("rev-parse", "HEAD")

    def branch(self, name: str) -> None:
        """Begin a branch here."""
        self._git("checkout", "-q", "-b", name)

    def switch(self, name: str) -> None:
        """Go to a branch."""
        self._git("checkout", "-q", name)

    def merge(self, name: str) -> str:
        """Merge a branch, and return the hash."""
        self._git("merge", "-q", "--no-ff", "-m", f"Merge {name}", name)
        return self._git("rev-parse", "HEAD")

    def replaced(self, name: str, before: str, after: str) -> str:
        """Return a file's text with one part replaced."""
        text = (self.folder / f"{name}.py").read_text()
        if before not in text:
            raise ValueError(f"{name}.py: no {before!r}")
        return text.replace(before, after)

    def _start(self, database: str, arguments: tuple[str, ...], facts: dict[str, str]) -> "subprocess.Popen[bytes]":
        ours = {"PYTEST_INSIGHT_HOME": str(self.home), "PYTHONPATH": str(self._clock), "PYTHONDONTWRITEBYTECODE": "1"}
        ours["PYTEST_INSIGHT_SYSTEM_NAME"] = "ci-17"
        shift = self._began + self._steps * STEP - datetime.now(UTC)
        clock = {"SHOP_CLOCK_SHIFT_S": str(int(shift.total_seconds())), "SHOP_DB": database}
        self._steps += 1
        command = [sys.executable, "-m", "pytest", "--disable-plugin-autoload", "-p", "pytest_insight.plugin"]
        command += ["--insight", "--insight-variant", f"db={database}", "-p", "no:cacheprovider", *arguments]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.Popen(
            command, cwd=self.folder, env=environment | ours | clock | facts, stdout=subprocess.DEVNULL
        )

    def test(self, *databases: str, arguments: tuple[str, ...] = (), **facts: str) -> None:
        """Run the tests on each database."""
        for database in databases:
            self._start(database, arguments, facts).wait()

    def test_and_kill(self, database: str, nodeid: str, **facts: str) -> None:
        """Run the tests, and kill the process while one of them runs."""
        process = self._start(database, (), facts)
        started = f'"nodeid":"{nodeid}"'.encode()
        while not any(
            b'"test.started"' in line and started in line
            for file in self.home.glob("*.live/*.jsonl")
            for line in file.read_bytes().splitlines()
        ):
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()


def make_history(folder: Path) -> dict[str, str]:
    """Record the whole history into an empty folder, and return the hashes of its commits by what happened in them."""
    project = Project(folder)
    commits = {"begun": project.commit("Sell things", shop=SHOP, conftest=CONFTEST, **_stems(TESTS))}
    project.test(*BOTH)
    project.test("sqlite", SHOP_RATES="down")  # nothing of the project changed: the service was away
    project.test("sqlite")
    project.branch("release-1")
    project.test("sqlite")
    project.switch("main")
    project.branch("coupons")
    commits["coupons"] = project.commit("Add coupons", test_coupon=COUPON.format(rate=80))
    project.test("sqlite")
    project.commit("Round coupons down", test_coupon=COUPON.format(rate=90))
    project.test("sqlite")
    project.switch("main")
    commits["merged"] = project.merge("coupons")
    project.test(*BOTH, *BOTH, *BOTH)
    project.test("sqlite", SHOP_DB_STATE="down")  # one outage between good sessions
    project.test("sqlite")
    query = project.replaced("conftest", 'return os.environ["SHOP_DB"]', 'yield os.environ["SHOP_DB"]')
    reserve = project.replaced(
        "test_stock", "    assert", '    assert database != "postgres", "lock timeout on table stock"\n    assert'
    )
    commits["broken"] = project.commit("Reserve in one query", conftest=query, test_stock=reserve)
    project.test(*BOTH, *BOTH)
    project.test_and_kill("sqlite", "test_payment.py::test_callback", SHOP_BANK="silent")
    project.test("sqlite", SHOP_RATES="down")
    project.branch("fix-stock")
    project.commit("Lock rows, not tables", test_stock=TESTS["test_stock.py"])
    project.test("postgres")
    project.switch("main")
    project.branch("new-driver")
    commits["driver"] = project.commit(
        "Use the new driver",
        conftest=CONFTEST.replace("    return os", '    raise ImportError("driver 4")\n    return os'),
    )
    project.test("sqlite", "sqlite")  # two sessions in which everything fails
    project.switch("main")
    slow = project.replaced("shop", "def by_name(text):", "def by_name(text):\n    time.sleep(0.12)")
    renamed = project.replaced("test_search", "test_by_price", "test_by_amount")
    commits["slow"] = project.commit(
        "Search in descriptions, drop vouchers", shop=slow, test_search=renamed, test_voucher=None
    )
    project.test(*BOTH, *BOTH, *BOTH, *BOTH)
    project.test("sqlite", arguments=("-k", "cart"))
    commits["report"] = project.commit("Add a report", test_report="import shop.report\n\ndef test_sum():\n    pass\n")
    project.test(*BOTH)
    return commits


def _stems(files: dict[str, str]) -> dict[str, str]:
    return {name.removesuffix(".py"): text for name, text in files.items()}


if __name__ == "__main__":
    for event, commit in make_history(Path(sys.argv[1])).items():
        sys.stdout.write(f"{event:10} {commit}\n")
