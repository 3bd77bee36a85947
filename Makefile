# Makes the environment it needs with python3's own venv and pip, then does the one thing asked for.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PLUGINS := plugins/nudges plugins/okr plugins/rewards plugins/webhooks
.DEFAULT_GOAL := help

.PHONY: help run test check bench faults lock generate format clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

$(VENV)/made-run: requirements.lock pyproject.toml contracts/pyproject.toml $(PLUGINS:%=%/pyproject.toml)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Milepost needs into $(VENV) (the first time takes a minute)"
	@$(PIP) install --require-hashes --no-deps -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e contracts -e . $(PLUGINS:%=-e %)
	@touch $@

$(VENV)/made-dev: $(VENV)/made-run requirements-dev.lock
	@echo "Installing what the tests and checks need into $(VENV)"
	@$(PIP) install --require-hashes --no-deps -r requirements-dev.lock
	@touch $@

run: $(VENV)/made-run  ## start Milepost on embedded defaults with the sample programme; ARGS='...' go to `milepost serve`
	@exec $(BIN)/milepost serve --sample $(ARGS)

test: $(VENV)/made-dev  ## every test, servers included; ARGS='...' go to pytest
	@$(BIN)/python -m pytest -q -n 2 $(ARGS)

check: $(VENV)/made-dev  ## lint, format, types, import contracts, drift of generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.support.generate --check

bench: $(VENV)/made-dev  ## floor and ours in one run, as ratios; ARGS='...' pick the tables
	@$(BIN)/python -m tests.benchmarks $(ARGS)

faults: $(VENV)/made-dev  ## kills at named points, 200 seeds
	@MILEPOST_FAULT_SEEDS=200 $(BIN)/python -m pytest -q -m faults -n 2 $(ARGS)

generate: $(VENV)/made-dev  ## write the generated contracts anew
	@$(BIN)/python -m tests.support.generate

format: $(VENV)/made-dev
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

lock:  ## pin every dependency with hashes, without addresses (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-package milepost-contracts --no-header --no-annotate --extra build --extra plugins --extra s3 pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-package milepost-contracts --no-header --no-annotate --extra build --extra plugins --extra s3 --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
