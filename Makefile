# Everything a person types. `make run` and `make test` work on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := app.py pages ui chatcore tests benchmarks

.PHONY: run test check format lock clean

run: $(VENV)/run.stamp
	$(BIN)/python -m chatcore serve

# The browser tests run by themselves: two browsers and two servers at once would wait for each other on two cores.
test: $(VENV)/dev.stamp
	$(BIN)/python -m tests.prepare
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not browser"
	$(BIN)/python -m pytest -m browser

# The one gate before a commit: format, lint, types, house, docs, unit tests (no browser).
check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_house.py tests/test_docs.py
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m "not browser"

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Writes requirements.lock anew from what is installed now.
lock: $(VENV)/dev.stamp
	(echo "# Every version, exactly. Made by: make lock"; $(BIN)/pip freeze --exclude pip --exclude setuptools) > requirements.lock

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: $(VENV)/bin/python requirements.txt requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.stamp: $(VENV)/bin/python requirements.txt requirements-dev.txt requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/run.stamp

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
