#!/bin/sh
# Record a small suite with every kind of outcome, kill one run in the middle, and look at both.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$here"/shop/*.py "$work"
cd "$work"
export PYTEST_INSIGHT_HOME="$work/home" PYTEST_ADDOPTS="-p no:asyncio"

say() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

say pytest --insight --insight-sut shop --reruns 1 --only-rerun TimeoutError
pytest --insight --insight-sut shop --reruns 1 --only-rerun TimeoutError -p no:cacheprovider -q || true

cat > test_hangs.py <<'PY'
import time


def test_quick():
    pass


def test_hangs():
    time.sleep(60)
PY
say "pytest --insight test_hangs.py    # and kill -9 while it runs"
pytest --insight --insight-sut shop -p no:cacheprovider -q test_hangs.py > /dev/null 2>&1 &
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
say insight session compare    "# what changed and what got slower since the session before"
insight session compare || true
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
