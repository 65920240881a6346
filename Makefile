# Every target sets up what it needs; a fresh machine needs Python 3.11 or newer, and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VENV84 := .venv-pytest84
# The pip that comes with Python is years old, and takes twice as long: it downloads what it only has to look at.
RENEW_PIP := python -m pip install --quiet --disable-pip-version-check --no-compile --upgrade pip
.DEFAULT_GOAL := help
# The tests start thousands of processes; each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help test suite check pure lint types changed-types demo bench campaign packages docs site screens clean

help: ## List the targets
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(VENV)/.ready: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(RENEW_PIP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e '.[dev]'
	touch $@

# The oldest pytest that is supported, beside the newest in .venv: the plugin's tests run on both.
$(VENV84)/.ready: pyproject.toml
	$(PYTHON) -m venv $(VENV84)
	$(VENV84)/bin/$(RENEW_PIP)
	$(VENV84)/bin/python -m pip install --quiet --disable-pip-version-check 'pytest==8.4.2' \
		flaky pytest-asyncio pytest-bdd pytest-forked pytest-rerunfailures pytest-retry pytest-subtests pytest-sugar \
		pytest-timeout pytest-xdist -e .
	touch $@

# The tests of the pages of `insight report` use a real browser: Debian's, as none is downloaded by playwright.
$(VENV)/.browser:
	@command -v chromium >/dev/null || (apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium) >/dev/null 2>&1 \
		|| echo "chromium is missing and cannot be installed here: apt-get install chromium; tests of pages in a browser are skipped"
	@mkdir -p $(@D) && touch $@

test: ## Set up everything, then lint, types and tests
	$(MAKE) --no-print-directory -j 3 lint $(VENV)/.browser $(VENV84)/.ready
	$(MAKE) --no-print-directory -j 2 types suite

# On a fresh machine each worker would compile all that it imports, at the same time as the others.
$(VENV)/.compiled: $(VENV)/.ready
	$(BIN)/python -m pytest -q --collect-only -p no:cacheprovider >/dev/null
	touch $@

# Four workers for two cores: a part of the tests waits, for leases and for processes to end.
suite: $(VENV)/.compiled $(VENV84)/.ready
	TMPDIR=$$($(BIN)/python docs/tools/scratch.py) INSIGHT_EXAMPLES=20 INSIGHT_PYTEST84=$(abspath $(VENV84)/bin/python) \
		$(BIN)/python -m pytest -q -n 4 --dist worksteal

check: $(VENV)/.ready ## In a minute: lint, types of what changed, and the tests that start no process
	$(MAKE) --no-print-directory -j 3 --output-sync=target lint changed-types pure

pure: $(VENV)/.ready
	TMPDIR=$$($(BIN)/python docs/tools/scratch.py) PYTHONPATH=docs/tools INSIGHT_EXAMPLES=10 $(BIN)/python -m pytest -q -n 2 -p no_processes \
		$$($(BIN)/python docs/tools/pure_tests.py)

lint: $(VENV)/.ready ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.ready ## Check types
	$(BIN)/pyright

changed-types: $(VENV)/.ready
	$(BIN)/python docs/tools/changed_sources.py | xargs -r $(BIN)/pyright

demo: $(VENV)/.ready ## Record a small suite with every kind of outcome, and look at it
	PATH="$(abspath $(BIN)):$$PATH" sh docs/examples/demo.sh

bench: $(VENV)/.ready ## Measure everything in docs/performance.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,bench]'
	$(BIN)/python -m benchmarks

campaign: $(VENV)/.ready ## The long runs: real projects, crashes by the ten thousand
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,campaign]'
	$(BIN)/python tests/campaigns/real_projects.py
	$(BIN)/python tests/campaigns/crash.py
	$(BIN)/python tests/campaigns/merge_laws.py
	$(BIN)/python tests/campaigns/testdata.py
	$(BIN)/python tests/campaigns/hostile.py
	$(BIN)/python tests/campaigns/npm_client.py
	$(BIN)/python tests/campaigns/ctrf_schema.py
	$(BIN)/python tests/campaigns/collector.py
	$(BIN)/python tests/campaigns/collector_three_homes.py
	$(BIN)/python tests/campaigns/collector_projects.py
	$(BIN)/python tests/campaigns/collector_guesses.py
	$(BIN)/python tests/campaigns/collector_bucket.py
	$(BIN)/python tests/campaigns/collector_faults.py
	$(BIN)/python tests/campaigns/collector_schema.py
	$(BIN)/python tests/campaigns/lake_spark.py
	INSIGHT_EXAMPLES=500 $(BIN)/python -m pytest -q -n 2 $$($(BIN)/python docs/tools/pure_tests.py)

packages: $(VENV)/.ready ## Install the wheel with each extra alone, on each Python that is there
	$(BIN)/python tests/campaigns/packages.py

site: $(VENV)/.ready ## Build the pages and the reference of the API as a site, in build/site
	$(BIN)/python docs/tools/website.py build/site

docs: $(VENV)/.ready ## Renew the generated parts of the pages
	$(BIN)/python docs/tools/architecture.py docs/architecture.md
	$(BIN)/python docs/tools/format_reference.py docs/format.md
	$(BIN)/python docs/tools/cli_reference.py docs/cli.md
	$(BIN)/python docs/tools/sql_reference.py docs/sql.md
	$(BIN)/python docs/tools/json_reference.py docs/json.md
	$(BIN)/python docs/tools/http_reference.py docs/http-api.md
	$(BIN)/python docs/tools/collector_reference.py docs/collector.md
	$(BIN)/python docs/tools/lake_reference.py docs/lake.md

screens: $(VENV)/.ready $(VENV)/.browser ## Renew the pictures of the main views, and the answers in README.md and docs/analysis.md
	$(BIN)/python docs/examples/screens.py
	$(BIN)/python docs/examples/shop_answers.py
	$(BIN)/python docs/examples/report_picture.py

clean: ## Remove everything that was set up
	rm -rf $(VENV) $(VENV84) .bench .demo build *.egg-info .pytest_cache .ruff_cache .hypothesis
