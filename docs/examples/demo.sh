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

say insight session list
insight session list
say insight session show last
insight session show last
say insight tail --sessions 2 --outcome failed,error
insight tail --sessions 2 --outcome failed,error
say insight sut list
insight sut list
say insight analytics summary
insight analytics summary
say insight session rerun --dry-run    "# what the killed run left unfinished"
insight session rerun --dry-run
say "insight export here.jsonl; insight merge here.jsonl home/default.jsonl -o all.jsonl"
insight export here.jsonl
insight merge here.jsonl "$PYTEST_INSIGHT_HOME/default.jsonl" -o all.jsonl
say insight log verify
insight log verify
say insight replay
insight replay
