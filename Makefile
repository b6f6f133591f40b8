# Every task of the project. `make` alone lists them.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

.PHONY: help setup study test test-fast mutants lint format docs results cluster lock vendor

help:  ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 14

setup:  ## install what is missing
	@setup/setup.sh

study: setup  ## run configs/quick.toml to the end: 8 trials, at most 15 minutes
	@$(PYTHON) -m dse.study start

test: setup lint  ## all tests, a process for each core
	@$(PYTHON) -m pytest -n auto

test-fast: setup  ## the tests that take seconds
	@$(PYTHON) -m pytest -n auto -m "not slow"

mutants: setup  ## change deciding modules a little: do tests notice? MODULE="pareto leases" BUDGET_S=3600
	@nice -n 5 $(PYTHON) -m benchmarks.mutation --page --budget $(or $(BUDGET_S),3600) $(MODULE)

lint: setup  ## ruff and mypy, as pre-commit and CI run them
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

format: setup  ## let ruff mend what it can
	@.venv/bin/ruff check --fix .
	@.venv/bin/ruff format .

docs: setup  ## build/docs: the documentation as a site; a broken link fails
	@$(PYTHON) -m sphinx --quiet --nitpicky --fail-on-warning --keep-going -c docs -d build/docs.pages . build/docs
	@echo "open build/docs/docs/index.html"

results: setup  ## measure tables of the pages that take minutes and rewrite them; FIGURES="NAME ..." or --all: others, too
	@$(PYTHON) -m benchmarks.results $(FIGURES)

cluster: setup  ## a Dask scheduler and workers on this machine, until Ctrl-C
	@$(PYTHON) -m runners.executors.cluster

lock: setup  ## write requirements.lock again from pyproject.toml
	@.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --extra dev \
		--no-header pyproject.toml -o requirements.lock

vendor: setup  ## fetch the dashboard's scripts again, as vendor.json pins them; needs node and npm
	@$(PYTHON) -m dse.dashboard.vendoring
