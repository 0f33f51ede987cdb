# Everything happens in .venv, with the exact versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo install test test-long test-lowest test-newest lint reference build clean

DEMO := --store build/demo/store
DEMO_METRICS := frechet-distance,morphology,coverage,cross-classification,membership-inference,patient-membership,fit-time

demo: install  ## embedded data, three generators, a board and its site: does it work here?
	$(BIN)/ecgbench run $(DEMO) --study smoke --datasets mitdb-208,ecgsyn \
		--generators timegan,gmm,virtual-people --metrics $(DEMO_METRICS)
	$(BIN)/ecgbench report $(DEMO) --out build/demo/site
	$(BIN)/ecgbench leaderboard $(DEMO) --dataset ecgsyn
	@echo "the pages: $(CURDIR)/build/demo/site/index.html"

install: .venv/installed  ## .venv with the command ecgbench in it

test: .venv/tested  ## all tests but the long ones
	$(BIN)/python -m pytest -m 'not long' -n logical --dist loadfile --no-loadscope-reorder

test-long: .venv/tested  ## experiments, figures and repetitions of half a minute and more: before a release
	$(BIN)/python -m pytest -m long -n logical --dist loadfile --no-loadscope-reorder

RESOLUTION_lowest := lowest-direct
RESOLUTION_newest := highest

test-lowest test-newest: test-%: .venv/bin/python  ## fast tests, with other versions that pyproject.toml admits
	$(PIP) install 'uv>=0.9,<1'
	mkdir -p build
	grep '^torch==' constraints.txt > build/torch.txt
	$(BIN)/uv pip compile --quiet --no-header --extra test --resolution $(RESOLUTION_$*) \
		--constraints build/torch.txt --output-file build/$*.txt pyproject.toml
	$(BIN)/python -m venv --clear build/$*
	build/$*/bin/python -m pip --quiet install -c build/$*.txt hatchling
	build/$*/bin/python -m pip --quiet install -c build/$*.txt --no-build-isolation -e '.[test]'
	build/$*/bin/python -m pytest -m 'not slow and not long' -n logical --dist loadfile

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
