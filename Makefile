# Every target sets up what it needs and is safe to run twice. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help set-up demo test coverage faults mutants bench bench-quality bench-gate lint check format stop clean

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
TYPED := pipelines services dags infra benchmarks
SOURCES := $(TYPED) tests

help: ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

set-up: ## Install what is needed: system packages, .venv from the hashed lock
	@test -n "$(PYTHON)" || { echo "error: no Python here"; echo "hint: apt-get install python3.11"; exit 5; } >&2
	@"$(PYTHON)" infra/set_up.py $(FOR)

demo: set-up ## Data to a live recommender, by real DAG runs
	@$(BIN)/tandem demo

# Real Airflow with time limits: beside nothing else.
ALONE := tests/integration/test_airflow.py

# Tests need some system packages of their own.
test coverage faults: FOR := tests
test: set-up lint ## Lint, and all tests with real components and the whole loop once
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/unit tests/contract tests/behaviour
	$(BIN)/python -m pytest -n 2 --dist loadfile --ignore $(ALONE) tests/integration
	$(BIN)/python -m pytest $(ALONE) tests/end_to_end

coverage: set-up ## The tests without the loop, with the share of lines and branches they run
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov --cov-report= --cov-fail-under=0 tests/unit tests/contract tests/behaviour
	$(BIN)/python -m pytest -q --cov --cov-append tests/integration

faults: set-up ## Inject each fault of tests/faults/catalogue.py; n/n survived
	$(BIN)/python -m pytest -p no:cacheprovider tests/faults

mutants: set-up ## Change one line at a time; n/n noticed by the test that is named
	$(BIN)/python -m tests.mutants

bench: set-up ## The demo's seconds and memory against their budgets; a DAG run beside the bare commands
	$(BIN)/python -m benchmarks.budgets
	$(BIN)/python -m benchmarks.dag_overhead

bench-quality: set-up ## Every contender by every protocol on MovieLens-100K, three seeds
	$(BIN)/python -m benchmarks.quality

bench-gate: set-up ## Send every bad model to the gate; n/n refused by the named check; false alarms
	$(BIN)/python -m benchmarks.gate

lint: set-up ## Format, lint, layers, types
	@$(BIN)/ruff format --check --quiet --output-format concise $(SOURCES) || { echo "hint: make format"; exit 1; }
	@$(BIN)/ruff check --quiet --output-format concise $(SOURCES)
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/mypy $(TYPED)

check: lint ## What a commit must pass, in under a minute: lint, unit and contract tests
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/contract

format: set-up ## Rewrite the code and the generated pages in their one form
	@$(BIN)/ruff check --fix --quiet $(SOURCES) || true
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/python -m infra.reference_pages

stop: ## Stop everything that demo or `tandem up` started
	@if [ -x $(BIN)/tandem ] && [ -d "$${TANDEM_HOME:-var}/state.git" ]; then $(BIN)/tandem down; fi

clean: stop ## Stop, then remove .venv, caches, outputs and var/ (runs, data, keys)
	@rm -rf .venv var data artifacts reports dvc.lock *.egg-info
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage*
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +
