# Two commands for a newcomer: `make demo` and `make test`. Each sets up all it needs from Python 3.11+ and make.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(if $(shell $(p) -c 'import sys; print("yes" if sys.version_info >= (3, 11) else "")' 2>/dev/null),$(p))))
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests

.PHONY: demo test lint docs example benchmarks clean

demo: $(VENV)/.ready  ## convert the bundled study to FHIR and back, and show that every cell came home
	$(BIN)/python -P examples/re_induction/demo.py

test: $(VENV)/.ready-dev lint  ## everything CI checks on the source
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo "PostgreSQL is not installed: its tests are skipped (apt-get install postgresql)"
	$(BIN)/pytest -n auto --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(VENV)/.ready-dev  ## style, types, layers, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -P docs/make_reference.py --check
	$(BIN)/python -P docs/make_joint_mapping.py --check
	$(BIN)/python -P docs/make_schema.py --check
	$(BIN)/python -P docs/make_registry_reference.py --check
	$(BIN)/python -P docs/make_rules.py --check

docs: $(VENV)/.ready-dev  ## write the generated documents anew
	$(BIN)/python -P docs/make_reference.py
	$(BIN)/python -P docs/make_joint_mapping.py
	$(BIN)/python -P docs/make_schema.py
	$(BIN)/python -P docs/make_registry_reference.py
	$(BIN)/python -P docs/make_rules.py

example: $(VENV)/.ready  ## write the bundled example anew (same seed, same bytes)
	$(BIN)/python -P examples/re_induction/generate.py -o examples/re_induction/sdtm --format ndjson
	$(BIN)/python -P examples/re_induction/generate.py -o out/three --subjects 3 --fhir examples/re_induction/fhir

clean:
	rm -rf $(VENV) build dist out *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "trialbridge needs Python 3.11 or newer; none was found. Set PYTHON=/path/to/python3.11."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test,dev]'
	@touch $@ $(VENV)/.ready
