# The only door: everything that is done to this project is done by one of these.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Bytecode is kept, whatever the shell says: without it each process compiles the program and the tests anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test soak bench cov lint types contracts check golden lock clean

help:  ## Show what there is
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  \1#/' | awk -F'#' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## Make .venv and install what the lock pins

$(STAMP): pyproject.toml requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing; install Python 3.11 or later, or say PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is $$($(PYTHON) -V 2>&1); Python 3.11 or later is needed: say PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "make: Python's venv module is missing; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock || { echo "make: the packages of requirements.lock could not be installed; is a package index reachable? (pip's words are above)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: $(STAMP)  ## Plan and apply samples/nightly.csv against the sandbox, twice; reports in out/demo/
	@$(BIN)/python samples/demo.py

test: $(STAMP)  ## Run the tests that are quick, simulation included (offline, on loopback): two minutes
	@HYPOTHESIS_PROFILE=quick $(BIN)/python -m pytest -m 'not long and not soak'

soak: $(STAMP)  ## Run the long tests: browsers, killed processes, thousands of simulated days, a million rows
	@$(BIN)/python -m pytest -m long
	@HYPOTHESIS_PROFILE=soak $(BIN)/python -m pytest -m soak

bench: $(STAMP)  ## Measure how fast, how large, beside the script and the libraries that one would take
	@missed=0; for one in tests/benchmarks/bench_*.py; do $(BIN)/python $$one || missed=1; done; exit $$missed

cov: $(STAMP)  ## Run the tests with branch coverage: 95 % overall, 100 % in core/
	@$(BIN)/python -m pytest --cov --cov-report=
	@$(BIN)/python -m coverage report
	@$(BIN)/python -m coverage report --include='syncjob/core/*' --fail-under=100 --skip-covered

lint: $(STAMP)  ## Lint, formatting and import contracts
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/lint-imports --no-cache >$(VENV)/contracts.txt || { cat $(VENV)/contracts.txt; exit 1; }
	@tail -n 2 $(VENV)/contracts.txt

types: $(STAMP)  ## Check types, strictly
	@$(BIN)/python -m mypy

check: $(STAMP)  ## All that must hold before a change lands; CI runs this and nothing else
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory types
	@$(MAKE) --no-print-directory cov

golden: $(STAMP)  ## Write the golden files anew; look at the difference before you commit it
	@GOLDEN=renew $(BIN)/python -m pytest -n 0 tests/docs tests/reports/test_golden.py

lock: $(STAMP)  ## Pin the newest versions that have been out for a week (needs uv)
	@command -v uv >/dev/null || { echo "make: uv is missing: pip install uv"; exit 1; }
	@uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-strip-extras --no-emit-index-url --no-emit-find-links --exclude-newer "$$(date -u -d '7 days ago' +%F 2>/dev/null || date -u -v-7d +%F)" \
	  --upgrade --quiet --output-file requirements.lock

clean:  ## Remove what was built
	@rm -rf $(VENV) out dist build .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
