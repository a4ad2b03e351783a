# Two commands matter: `make review` runs the product on the example, `make test` runs everything that checks it.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: all review test setup lint types contracts unit system-packages schemas rule wheel clean
all: test

review: .venv/installed  ## review the example shop; prints the report and names the HTML file
	@$(BIN)/backend-expert review examples/shop --peak 5x --html backend-expert-report.html

test: .venv/developer system-packages lint types contracts unit  ## lint, types, import contract, every test

lint: .venv/developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/developer
	$(BIN)/mypy

contracts: .venv/developer
	$(BIN)/lint-imports --no-cache

unit: .venv/developer
	$(BIN)/pytest -n 2

system-packages:  ## what some tests need beside Python; without root they say what is missing and are skipped
	@scripts/system-packages

schemas: .venv/developer  ## write the published JSON schemas from the types
	$(BIN)/python scripts/schemas.py

rule: .venv/developer  ## make rule NAME=some-problem FAMILY=resilience
	$(BIN)/python scripts/new_rule.py $(NAME) $(FAMILY)

wheel: .venv/developer
	$(BIN)/python -m build --wheel

setup: .venv/developer

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	@touch $@

.venv/developer: pyproject.toml scripts/developer-requirements | .venv/bin/python
	$(BIN)/pip install --quiet --editable . $$($(BIN)/python scripts/developer-requirements)
	@touch .venv/installed $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
