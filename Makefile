# Two commands matter: `make run` serves, `make test` proves. `make help` lists the others.

HOST    ?= 127.0.0.1
PORT    ?= 7071
DATA    ?= .data
WORKERS ?= 1
STORAGE ?= embedded
URL     ?= http://$(HOST):$(PORT)
export HOST PORT DATA WORKERS STORAGE

SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON   ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c '$(SUITABLE)' 2>/dev/null && echo $$name && break; done)

VENV := .venv
BIN  := $(VENV)/bin
PIP  := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
SOURCES := dicom_core local_host scripts tests bench function_app.py

.PHONY: help run demo test lint bench soak format clean
.DEFAULT_GOAL := help

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'
	@echo
	@echo "  Variables: HOST=$(HOST) PORT=$(PORT) DATA=$(DATA) WORKERS=$(WORKERS) STORAGE=$(STORAGE) (embedded, azurite or azure)"

run: $(VENV)/runtime.stamp $(if $(filter azurite,$(STORAGE)),node_modules/.stamp) ## Serve on this machine until Ctrl-C
	@exec scripts/run

demo: $(VENV)/runtime.stamp ## Store some images in the running service and print URLs to look at
	@$(BIN)/python scripts/demo.py $(URL)

test: lint ## Check everything: format, lint, types, layers, then all tests
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/dev.stamp node_modules/.stamp
	$(BIN)/ruff format --check --quiet $(SOURCES)
	$(BIN)/ruff check --quiet $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/dev.stamp node_modules/.stamp ## Count storage calls, measure latencies, searches, the change feed and a mixed load, in about three minutes
	@$(BIN)/python -m bench

soak: $(VENV)/dev.stamp ## Store and retrieve objects of gigabytes and watch the memory, in about two minutes (5 GB of disk)
	@$(BIN)/python -m bench.soak

format: $(VENV)/dev.stamp ## Format the code and apply safe fixes
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

clean: ## Remove what was installed; stored data stays
	rm -rf $(VENV) node_modules

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, under the name python3 or python3.N." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.stamp: requirements.txt | $(BIN)/python
	@echo "Installing what the service needs (300 MB, once) ..."
	@$(PIP) -r requirements.txt
	@touch $@

# The worker library that Azure runs asks for Python 3.13; its code runs on 3.11, and the tests drive it directly.
$(VENV)/dev.stamp: requirements-dev.txt requirements-worker.txt $(VENV)/runtime.stamp
	@echo "Installing what tests and checks need ..."
	@$(PIP) -r requirements-dev.txt
	@$(PIP) --no-deps --ignore-requires-python -r requirements-worker.txt
	@touch $@

node_modules/.stamp: package.json package-lock.json
	@echo "Installing the storage emulator ..."
	@npm ci --silent
	@touch $@
