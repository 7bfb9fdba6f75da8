# The two commands of the README are `make demo` and `make test`; each sets itself up.
#
# Everything is installed into .venv. PYTHON may name another interpreter: make test PYTHON=python3.13

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# No notebook, kernel or gradebook of this project shall depend on what lies in the user's home.
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-full coverage mutants lint types fresh page docs check clean

PYTEST := $(BIN)/python -m pytest -n auto

help: ## Say what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) ## Make the environment in .venv

$(READY): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: install it and run make again." >&2; exit 1; }
	@echo "Setting up $(VENV) ..." >&2
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY) ## Grade a small class from the real lesson
	@.ci/system-packages bwrap=bubblewrap
	@$(BIN)/python tests/support/demo.py

test: $(READY) ## Run the tests that prove the product
	@.ci/system-packages bwrap=bubblewrap chromium=chromium
	@$(PYTEST) -m "not full"

test-full: test ## Run the others too: another user, cluster, server, more seeds, whole classes
	@.ci/system-packages pg_ctlcluster=postgresql
	@$(PYTEST) -m full

coverage: $(READY) ## Print the branch coverage of tracing, judge and intake by their tests
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,quality]'
	@rm -rf .coverage && mkdir .coverage
	@$(BIN)/coverage run -m pytest -q -n auto $(addprefix tests/tito/,tracing conditions \
		grading/intake grading/judge)
	@$(BIN)/coverage combine -q; rm -f .coverage/data.*  # what is left was being written as its process was killed
	@$(BIN)/coverage report

mutants: $(READY) ## List what may be changed in conditions, replay, proof and judge unnoticed: hours
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,quality]'
	@$(BIN)/mutmut run $(MUTANTS)
	@$(BIN)/mutmut results

lint: $(READY) ## Look for faults and for formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(READY) ## Check the annotations
	$(BIN)/mypy

fresh: $(READY) ## Check that the exported packages are current
	$(BIN)/tito export layers --check
	$(BIN)/tito export kernels --check

page: $(READY) ## Run the lesson with its solutions and write docs/kernels.html
	$(BIN)/python docs/lesson_page.py

docs: $(VENV)/.docs ## Build the documentation into build/docs and check its links; needs no network
	@rm -rf build/docs
	@$(BIN)/sphinx-build -q -W --keep-going docs build/docs
	@$(BIN)/python docs/check_links.py build/docs
	@echo "Open build/docs/index.html."

$(VENV)/.docs: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@

check: lint types fresh test-full docs ## Everything that .ci/run looks at

clean: ## Remove what make made; the course tree in assignments/ stays
	rm -rf .coverage mutants $(VENV) build docs/generated *.egg-info .mypy_cache .pytest_cache .ruff_cache
