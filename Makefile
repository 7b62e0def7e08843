# Everything a fresh clone needs: Python 3.11 or newer, Node 20, make.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PIP := $(VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-deps
NPM := npm ci --ignore-scripts --no-progress --loglevel=error
LIBRARIES := xinglin/doors/web/static/lib/.made
RUN_ENVIRONMENT := $(VENV)/.run
DEV_ENVIRONMENT := $(VENV)/.dev
DEV_MODULES := node_modules/.dev

.PHONY: help up setup test check lint types floors format bench lock reference clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS=$$'\t' read -r name says; do printf '  make %-10s %s\n' "$$name" "$$says"; done

up: $(RUN_ENVIRONMENT) $(LIBRARIES) ## install what is missing, then start the platform with its demo region (ARGS="--port 9000")
	@exec $(VENV)/bin/xinglin up $(ARGS)

setup: $(DEV_ENVIRONMENT) $(DEV_MODULES) $(LIBRARIES) ## install everything, development and tests included

test: setup ## the whole test suite (ARGS="tests/store -k history")
	@$(VENV)/bin/python -m pytest $(ARGS)

check: setup lint types floors ## style, types, and which floor may import which

lint: $(DEV_ENVIRONMENT)
	@$(VENV)/bin/ruff check .

types: $(DEV_ENVIRONMENT) $(DEV_MODULES)
	@node_modules/.bin/pyright --warnings

floors: $(DEV_ENVIRONMENT)
	@$(VENV)/bin/lint-imports --no-cache

format: $(DEV_ENVIRONMENT) ## put imports and simple style in order
	@$(VENV)/bin/ruff check --fix .

bench: setup ## every measured claim, one table
	@$(VENV)/bin/python -m bench $(ARGS)

reference: $(DEV_ENVIRONMENT) ## write docs/reference from the program
	@$(VENV)/bin/xinglin reference docs/reference

lock: $(DEV_ENVIRONMENT) ## choose newest versions and write the lock files, without the registry's address
	@$(VENV)/bin/python -m pip install -qq --disable-pip-version-check uv
	@$(VENV)/bin/uv pip compile $(UPGRADE) $(LOCKING) --group dev pyproject.toml --output-file requirements/dev.lock
	@$(VENV)/bin/uv pip compile $(LOCKING) --constraint requirements/dev.lock pyproject.toml --output-file requirements/requirements.lock
	@npm install --package-lock-only --ignore-scripts --loglevel=error
	@! grep -lE '"resolved"|://' requirements/*.lock || { echo "a lock file names a host" >&2; exit 1; }

clean: ## remove what was installed; the data in var/ stays
	rm -rf $(VENV) node_modules xinglin/doors/web/static/lib .pytest_cache .ruff_cache .hypothesis .import_linter_cache

UPGRADE ?= --upgrade
LOCKING := --quiet --generate-hashes --no-emit-index-url --no-header --no-annotate --group build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older." >&2; exit 1; }
	@echo "Making the Python environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(RUN_ENVIRONMENT): requirements/requirements.lock pyproject.toml | $(VENV)/bin/python
	@echo "Installing Python packages (half a minute the first time)"
	@$(PIP) --require-hashes -r requirements/requirements.lock
	@$(PIP) --no-build-isolation --editable .
	@touch $@

$(DEV_ENVIRONMENT): requirements/dev.lock $(RUN_ENVIRONMENT)
	@echo "Installing Python packages for development"
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

# npm keeps node_modules/.package-lock.json: when that is newer than ours, what we need is already installed
$(LIBRARIES): package-lock.json build/frontend.mjs xinglin/doors/web/frontend.json
	@command -v node >/dev/null || { echo "Node 20 or newer is needed." >&2; exit 1; }
	@[ node_modules/.package-lock.json -nt package-lock.json ] || { echo "Installing front-end libraries"; $(NPM) --omit=dev; }
	@node build/frontend.mjs
	@touch $@

$(DEV_MODULES): package-lock.json
	@command -v node >/dev/null || { echo "Node 20 or newer is needed." >&2; exit 1; }
	@echo "Installing Node packages for development (200 MB of published definitions and examples)"
	@$(NPM)
	@touch $@
