# Everything happens in .venv, with the exact versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo install test lint reference build clean

demo: install  ## embedded data, one generator, a board: does it work here?
	$(BIN)/ecgbench run --generators timegan --study smoke --datasets mitdb-208,ecgsyn

install: .venv/installed  ## .venv with the command ecgbench in it

test: .venv/tested  ## all tests
	$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder

lint: .venv/tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests
	$(BIN)/python tests/words.py

reference: .venv/tested  ## docs/reference, from the code
	$(BIN)/python tests/reference.py

build: .venv/tested  ## sdist and wheel into dist/
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf .venv build dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml hatch_build.py constraints.txt
	$(PIP) install -c constraints.txt hatchling
	$(PIP) install -c constraints.txt --no-build-isolation -e .
	touch $@

.venv/tested: .venv/installed
	$(PIP) install -c constraints.txt --no-build-isolation -e '.[dev]'
	touch $@
