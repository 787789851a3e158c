# Needs Python 3.11 or later and GNU make; everything else is installed into .venv.

PYTHON  ?= python3
COUNTRY ?= XK LU
RUNS    ?= runs

BIN      := .venv/bin
STAMP    := .venv/.installed
IS_RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PIP      := $(BIN)/python -m pip --disable-pip-version-check --require-virtualenv

.DEFAULT_GOAL := help
.PHONY: help install run test verify lint bench lock clean

help:  ## show this list
	@echo "Usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-9s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "Variables: PYTHON (now $(PYTHON)), COUNTRY (now $(COUNTRY)), RUNS (now $(RUNS))"

install: $(STAMP)  ## make .venv with the locked versions and this package

$(STAMP): pyproject.toml requirements.lock
	@if ! $(BIN)/python -c '$(IS_RECENT)' 2>/dev/null; then \
	    chosen=''; \
	    for candidate in '$(PYTHON)' python3.13 python3.12 python3.11; do \
	        if "$$candidate" -c '$(IS_RECENT)' 2>/dev/null; then chosen="$$candidate"; break; fi; \
	    done; \
	    if [ -z "$$chosen" ]; then \
	        echo "No Python 3.11 or later found: '$(PYTHON)' is older or absent, and so are python3.13, python3.12 and python3.11." >&2; \
	        echo "Install one, or name it: make PYTHON=/path/to/python3 install" >&2; \
	        exit 1; \
	    fi; \
	    echo "Making .venv with $$chosen"; \
	    if ! "$$chosen" -m venv --clear .venv; then \
	        echo "$$chosen cannot make a virtual environment. On Debian and Ubuntu, install the package python3-venv." >&2; \
	        exit 1; \
	    fi; \
	fi
	$(PIP) install --quiet -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP)  ## bring countries to their verdicts, and write the site: make run COUNTRY=LU
	$(BIN)/synthestat cycle $(COUNTRY) --out $(RUNS)

test: $(STAMP)  ## run the tests, except the slow ones
	$(BIN)/python -m pytest -m "not slow" -n auto --maxprocesses 4 --dist worksteal

verify: $(STAMP)  ## run the slow tests
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)  ## check style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## time everything in benchmarks/, results as JSON in benchmarks/results/
	@mkdir -p benchmarks/results
	@set -e; for script in $(sort $(wildcard benchmarks/*.py)); do \
	    echo "$$script"; \
	    $(BIN)/python "$$script" --json "benchmarks/results/$$(basename "$$script" .py).json"; \
	done

# The fewest forks: one NumPy for every Python, since its draws may change between versions.
lock: $(STAMP)  ## resolve requirements.lock from pyproject.toml (UPGRADE=--upgrade for the newest)
	$(BIN)/uv pip compile pyproject.toml --extra server --group dev --universal --python-version 3.11 \
	    --fork-strategy fewest --custom-compile-command 'make lock' --quiet $(UPGRADE) --output-file requirements.lock

clean:  ## remove caches and built files; runs and .venv stay
	rm -rf dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
