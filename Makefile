# Everything a developer needs. `make` alone lists it; set-up is tools/setup.sh.

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast fuzz lint fmt bench docs

PY := .venv/bin/python
OUT ?= out/digits
# Tests run in JOBS processes (0: in one, as a debugger needs it), each file in one of them. Extra
# arguments for pytest, e.g. make test PYTEST_ARGS="-k planner -x"
JOBS ?= 2
PYTEST_ARGS ?=
PYTEST = $(PY) -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv and install the compilers and QEMU, whatever is missing
	@bash tools/setup.sh

demo: setup ## From a teacher to a verified firmware, on handwritten digits (into OUT=out/digits)
	@mkdir -p "$(dir $(OUT))"
	@PATH="$(CURDIR)/.venv/bin:$$PATH" bash examples/digits/demo.sh "$(OUT)"

test: lint ## Lint, then all tests
	@$(PYTEST)

test-fast: setup ## The tests that take seconds
	@$(PYTEST) -m "not slow"

fuzz: setup ## 2,000 random graphs against TFLM, 200 of them with sanitizers, and 5,000 mutated files
	@PYTHONPATH=tests $(PY) tests/compiler/fuzz.py

lint: setup ## ruff and mypy, nothing changed
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy

fmt: setup ## Format, and fix what ruff can
	@$(PY) -m ruff check --fix
	@$(PY) -m ruff format

bench: setup ## Measure again what benchmarks/ records
	@$(PY) benchmarks/run.py

docs: setup ## Write again the pages and tables that are generated
	@$(PY) docs/build.py
