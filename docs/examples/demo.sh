#!/bin/sh
# Record a small suite with every kind of outcome, kill one run in the middle, and look at both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/shop/*.py "$work"
cd "$work"
export PYTEST_INSIGHT_HOME="$work/home"
# Other plugins of the development environment that rerun tests in their own way.
export PYTEST_ADDOPTS="-p no:asyncio -p no:flaky -p no:pytest-retry -p no:cacheprovider"
# Commits of the example are made with this name, whatever the configuration of git is.
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@shop.example GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@shop.example

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }
commit() { git add --all && git commit -q -m "$1"; }

printf '__pycache__/\n.seen\nhome/\n' > .gitignore
git init -q -b main
commit "Sell things"
say "pytest --insight --reruns 1 --only-rerun TimeoutError"
pytest --insight --insight-sut shop --reruns 1 --only-rerun TimeoutError -q || true
# The next commit breaks a test, makes one slow, and removes one.
sed -i -e 's/"pear": 180/"pear": 190/; s/("name", "price"), PRICES.items()/("name", "price"), [("apple", 120), ("pear", 180)]/' \
    -e 's/    assert total({}) == 0/    __import__("time").sleep(0.2)\n    assert total({}) == 0/' \
    -e 's/test_old_api/new_api/' test_shop.py
commit "Raise prices"
say "git commit -m 'Raise prices'; pytest --insight --reruns 1 --only-rerun TimeoutError"
pytest --insight --insight-sut shop --reruns 1 --only-rerun TimeoutError -q > /dev/null || true

cat > test_hangs.py <<'PY'
import time


def test_quick():
    pass


def test_hangs():
    time.sleep(60)
PY
say "pytest --insight test_hangs.py    # and kill -9 while it runs"
pytest --insight --insight-sut shop -q test_hangs.py > /dev/null 2>&1 &
# Its live file says when the test has started: killed any earlier, the run would have nothing to show.
until grep -qs '"test.started".*::test_hangs' "$PYTEST_INSIGHT_HOME"/default.live/*.jsonl; do sleep 0.1; done
kill -9 $!
wait $! 2> /dev/null || true

say insight session show last    "# the run that was killed"
insight session show last
say insight    "# what is broken, and since when"
insight
say insight analytics analyze --metric cut    "# what hung"
insight analytics analyze --metric cut
say insight analytics analyze --metric flaky    "# what is flaky, and by which evidence"
insight analytics analyze --metric flaky
say insight session compare --base HEAD~1 --target HEAD    "# what changed and what got slower"
insight session compare --base HEAD~1 --target HEAD || true
say insight analytics analyze --metric lost    "# what stopped running"
insight analytics analyze --metric lost
say insight session rerun --dry-run    "# what to run again"
insight session rerun --dry-run
say insight session list
insight session list
say insight tail --sessions 2 --outcome failed,error
insight tail --sessions 2 --outcome failed,error
say "insight export here.jsonl; insight merge here.jsonl home/default.jsonl -o all.jsonl"
insight export here.jsonl
insight merge here.jsonl "$PYTEST_INSIGHT_HOME/default.jsonl" -o all.jsonl
say insight log verify
insight log verify
say insight replay
insight replay
