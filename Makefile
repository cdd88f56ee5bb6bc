# Everything happens in .venv; the stamps record what was installed into it.
PYTHON ?= python3
BIN := .venv/bin
PINS := $(shell $(PYTHON) -c 'import sys; print("-c constraints/py311.txt" if sys.version_info[:2] == (3, 11) else "")')
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check $(PINS)

.PHONY: run test browser test-long docs check bench clean help

help:  ## show this list
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/'

.venv/base: pyproject.toml $(wildcard constraints/*.txt)
	@$(PYTHON) -c 'import sys; sys.exit("decanet needs Python 3.11 or newer") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	@echo "installing decanet and PyTorch into .venv (a few minutes, once)"
	$(PIP_INSTALL) -e '.[imagenet]'
	@touch $@

.venv/dev: .venv/base
	$(PIP_INSTALL) -e '.[test,dev]'
	@touch $@

run: .venv/base  ## train the default network on CIFAR-10 and draw what it learned
	$(BIN)/decanet train quick --fallback digits

test: .venv/dev  ## run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal  # a process for each core, one thread in each

browser: .venv/dev  ## install Chromium, Chinese fonts and what the browser tests need (Debian and Ubuntu)
	$(shell [ "$$(id -u)" = 0 ] || echo sudo) apt-get install -y -q chromium fonts-noto-cjk
	$(PIP_INSTALL) -e '.[browser]'

test-long: .venv/dev  ## inject faults in numbers (half an hour): counts go to benchmarks/results/faults.json
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadscope -m slow tests/faults

docs: .venv/dev  ## build the course in both languages into site/, with everything that docs/ generates
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/generate.py reference
	$(BIN)/decanet course --out site/en --no-open
	$(BIN)/decanet course --lang zh --out site/zh --no-open

check: .venv/dev  ## look for mistakes without running anything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/dev  ## measure this machine (an hour or more): results go to benchmarks/results
	$(BIN)/decanet benchmark train
	$(BIN)/decanet benchmark models
	$(BIN)/decanet benchmark data

clean:  ## remove what was installed and built; runs stay
	rm -rf .venv dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
