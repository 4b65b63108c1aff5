# The environment in .venv does everything but PaddlePaddle, which has .venv-paddle: the two want different builds of OpenCV.
# `make` alone lists what there is.
# PYTHON names the interpreter that makes it (3.10 or newer): make run PYTHON=python3.12

PYTHON ?= python3
PIP := .venv/bin/python -m pip --disable-pip-version-check --no-input
PYTEST := .venv/bin/python -m pytest
# The CPU build; docs/paddleocr-vl.md names the CUDA builds.
PADDLE ?= paddlepaddle==3.3.1
PADDLE_PIP := .venv-paddle/bin/python -m pip --disable-pip-version-check --no-input

# The PyTorch of PyPI brings gigabytes of CUDA on Linux.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
TORCH_PIP := .venv-torch/bin/python -m pip --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-paddle setup-peers run check fix test test-faults test-paddle test-torch test-gpu test-all bench bench-runner docs clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: .venv/.batchocr-cpu ## make .venv with batchocr and its engine for CPUs

setup-dev: .venv/.batchocr-dev ## the same with all that tests and checks need

setup-paddle: .venv-paddle/.batchocr ## make .venv-paddle with PaddleOCR and the CPU build of PaddlePaddle (2 GB)

setup-peers: .venv-peers/.ocrmypdf ## make .venv-peers with OCRmyPDF for benchmarks (tesseract and gs come from your system)

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
	$(PYTEST) -n 2 --dist loadfile -m "not gpu and not slow and not faults and not paddle"

test-faults: setup-dev ## kill, hang and flood real processes
	$(PYTEST) -m "faults and not slow and not gpu and not paddle"

test-paddle: .venv-paddle/.batchocr-dev ## paddleocr and paddlex for real, with tiny networks made on the spot
	.venv-paddle/bin/python -m pytest tests/paddle -m "not gpu and not slow"

test-torch: .venv-torch/.batchocr ## the runtime torch for real, with the CPU build of PyTorch (1.6 GB; not in CI)
	.venv-torch/bin/python -m pytest tests/engines/test_ppocr_runtime.py tests/engines/test_ppocr_parity.py

test-gpu: setup-dev ## the tests that need a GPU
	$(PYTEST) -m gpu

test-all: setup-dev ## every test that needs no GPU
	$(PYTEST) -n 2 --dist loadfile -m "not gpu and not faults and not paddle"
	$(PYTEST) -m "faults and not slow and not gpu and not paddle"

bench: setup-dev setup-peers ## measure the embedded engine (an hour and a half; the machine should be idle)
	@set -e; PATH="$(CURDIR)/.venv-peers/bin:$$PATH"; for script in benchmarks/bench_speed.py benchmarks/bench_accuracy.py benchmarks/bench_memory.py; do echo "== $$script"; .venv/bin/python "$$script"; done

bench-runner: setup-dev ## measure the runner itself with the scripted engine (half an hour; the machine should be idle)
	.venv/bin/python benchmarks/bench_runner.py --save

docs: .venv/.batchocr-docs ## build the documentation into build/docs; warnings are errors
	NO_MKDOCS_2_WARNING=1 .venv/bin/python -m mkdocs build --quiet
	@echo 'build/docs/index.html'

clean: ## remove all environments and caches; results in ./output stay
	rm -rf .venv .venv-paddle .venv-peers .venv-torch build dist batchocr.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

# The stamps tell that an install was finished, and with which dependencies.
.venv/.batchocr-cpu: pyproject.toml
	$(call make_venv,.venv)
	$(PIP) install --quiet -e '.[cpu]'
	@touch $@

.venv/.batchocr-dev: pyproject.toml
	$(call make_venv,.venv)
	$(PIP) install --quiet -e '.[cpu,dev]'
	@touch .venv/.batchocr-cpu $@

.venv/.batchocr-docs: pyproject.toml
	$(call make_venv,.venv)
	$(PIP) install --quiet -e '.[docs]'
	@touch $@

.venv-paddle/.batchocr: pyproject.toml
	$(call make_venv,.venv-paddle)
	$(PADDLE_PIP) install --quiet '$(PADDLE)' -e '.[paddle,docx]'
	@touch $@

# The PP-OCR networks of rapidocr are read as files; its dependency on another OpenCV build is left out.
.venv-paddle/.batchocr-dev: .venv-paddle/.batchocr
	$(PADDLE_PIP) install --quiet -e '.[paddle,docx,test]' onnxruntime
	$(PADDLE_PIP) install --quiet --no-deps 'rapidocr>=3.10' --target .venv-paddle/share/rapidocr
	@touch $@

.venv-peers/.ocrmypdf:
	$(call make_venv,.venv-peers)
	.venv-peers/bin/python -m pip --disable-pip-version-check --no-input install --quiet 'ocrmypdf>=17,<18'
	@touch $@

.venv-torch/.batchocr: pyproject.toml
	$(call make_venv,.venv-torch)
	$(TORCH_PIP) install --quiet torch $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(TORCH_PIP) install --quiet -e '.[torch,test]'
	@touch $@

# `venv` run once more mends an environment whose making was interrupted.
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'batchocr needs Python 3.10 or newer; name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(1)/bin/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(1)
	@echo 'Installing into $(1) (hundreds of megabytes the first time) ...'
endef
