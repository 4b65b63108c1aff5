# One Python environment in .venv does everything; `make` alone lists what there is.
# PYTHON names the interpreter that makes it (3.10 or newer): make run PYTHON=python3.12

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check --no-input
PYTEST := .venv/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run check fix test test-faults test-gpu test-all bench clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: .venv/.batchocr-cpu ## make .venv with batchocr and its engine for CPUs

setup-dev: .venv/.batchocr-dev ## the same with all that tests and checks need

run: setup ## read the sample documents and say where the results are
	.venv/bin/batchocr run --job jobs/quickstart.yaml
	@printf '\n%s\n' \
	  'Have a look:' \
	  '  samples/scan.pdf                  a document as it came in' \
	  '  output/scan/scan.md               what was read in it' \
	  '  output/scan/scan_layout.pdf       where on its pages' \
	  '  output/scan/scan.xlsx             its table' \
	  'Next: put documents of yours in a folder and type .venv/bin/batchocr run FOLDER'

check: setup-dev ## format, lint, types and import rules; changes nothing
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy
	.venv/bin/lint-imports

fix: setup-dev ## format, and mend what lint can mend
	.venv/bin/python -m ruff check --fix .
	.venv/bin/python -m ruff format .

test: setup-dev ## the tests, without GPU, slow ones and faults
	$(PYTEST) -n 2 --dist loadfile -m "not gpu and not slow and not faults"

test-faults: setup-dev ## kill, hang and flood real processes
	$(PYTEST) -m "faults and not slow and not gpu"

test-gpu: setup-dev ## the tests that need a GPU
	$(PYTEST) -m gpu

test-all: setup-dev ## every test that needs no GPU
	$(PYTEST) -n 2 --dist loadfile -m "not gpu and not faults"
	$(PYTEST) -m "faults and not slow and not gpu"

bench: setup-dev ## measure (minutes; the machine should be idle)
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; .venv/bin/python "$$script"; done

clean: ## remove .venv and caches; results in ./output stay
	rm -rf .venv build dist batchocr.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The stamps tell that an install was finished, and with which dependencies.
.venv/.batchocr-cpu: pyproject.toml
	$(call make_venv)
	$(PIP) install --quiet -e '.[cpu]'
	@touch $@

.venv/.batchocr-dev: pyproject.toml
	$(call make_venv)
	$(PIP) install --quiet -e '.[cpu,dev]'
	@touch .venv/.batchocr-cpu $@

# `venv` run once more mends an environment whose making was interrupted.
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'batchocr needs Python 3.10 or newer; name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@.venv/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv
	@echo 'Installing into .venv (a few hundred megabytes the first time) ...'
endef
