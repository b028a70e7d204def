# What a newcomer types: make serve, make stop, make test. `make help` lists the rest.

PORT ?= 9085
HOST ?= 127.0.0.1
VENV ?= .venv
# The first Python that is new enough; `make PYTHON=…` overrules it. A missing one is said by the rule below.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PICTURES ?= examples/pictures
TESTS ?= tests

.DEFAULT_GOAL := help
.PHONY: help serve stop status install develop check format test coverage fuzz \
	bench bench-pools bench-bounds bench-start bench-supervisor bench-lab clean

help:
	@echo 'make serve    start the picture daemon on $(PICTURES); make serve PORT=8000 for another port'
	@echo 'make stop     end it'
	@echo 'make status   what runs'
	@echo 'make install  nbmon into $(VENV); make develop: with its development tools'
	@echo 'make test     every test, from nothing; make test TESTS=tests/http: one room'
	@echo 'make coverage the same, and what they reach of the code; fails below the floor in pyproject.toml'
	@echo 'make check    ruff, mypy --strict, import-linter'
	@echo 'make format   ruff format and its safe fixes'
	@echo 'make fuzz     look for bytes that break the HTTP parser, for a minute'
	@echo 'make bench    measure HTTP on this machine, side by side with the peers'
	@echo '              (bench-pools, bench-bounds, bench-start, bench-supervisor: the rest)'
	@echo 'make bench-lab  the laboratory beside perf, stress-ng and pyperf, and its advice on what is known: half an hour'
	@echo 'make clean    stop the picture daemon, and remove what the others made'

$(BIN)/python:
	@test -n '$(PYTHON)' || { echo 'nbmon needs Python 3.11 or newer and found none in PATH; name one: make serve PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo 'This Python has no venv module; on Debian: apt-get install python3-venv' >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	@echo 'Installing nbmon into $(VENV) …'
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.developing: pyproject.toml | $(BIN)/python
	@echo 'Installing nbmon and its development tools into $(VENV) …'
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed
develop: $(VENV)/.developing

serve: $(VENV)/.installed
	@sh scripts/serve.sh '$(BIN)/nbmon' '$(PICTURES)' '$(HOST)' '$(PORT)'

stop: $(VENV)/.installed
	@$(BIN)/nbmon stop pictures

status: $(VENV)/.installed
	@$(BIN)/nbmon status || true

check: $(VENV)/.developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developing
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(VENV)/.developing
	@sh scripts/debian-packages.sh chromium
	@sh scripts/test.sh $(BIN) plain $(TESTS)

# The same with coverage, in child processes too: twice as long. Below `fail_under` of pyproject.toml it fails.
coverage: $(VENV)/.developing
	@sh scripts/debian-packages.sh chromium
	@sh scripts/test.sh $(BIN) coverage $(TESTS)

# atheris is guided by coverage; pip install atheris, where it has a wheel.
fuzz: $(VENV)/.developing
	$(BIN)/python scripts/fuzz_http.py 30
	@! $(BIN)/python -c 'import atheris' 2>/dev/null || $(BIN)/python scripts/fuzz_http.py --atheris -max_total_time=30

# Debian's packages of the peers; without root, those that are there are measured.
bench: $(VENV)/.developing
	@sh scripts/debian-packages.sh nginx-light lighttpd h2o apache2 wrk || true
	$(BIN)/python -m bench.http --write docs/benchmarks.md

bench-pools: $(VENV)/.developing
	$(BIN)/python -m bench.http --pools --rounds 3 --write docs/benchmarks-pools.md

bench-bounds: $(VENV)/.developing
	@sh scripts/debian-packages.sh nginx-light lighttpd h2o wrk nghttp2-client || true
	$(BIN)/python -m bench.bounds

bench-supervisor: $(VENV)/.developing
	@sh scripts/debian-packages.sh runit s6 || true
	$(BIN)/python -m bench.supervisors --write docs/benchmarks-supervisor.md
	$(BIN)/python -m bench.supervisors.own

bench-start: $(VENV)/.developing
	$(BIN)/python -m bench.start

# What cannot be had here is named in the table.
bench-lab: $(VENV)/.developing
	@sh scripts/debian-packages.sh linux-perf stress-ng || true
	@$(PIP) install --editable '.[bench]' || echo 'Could not install pyperf: the table says so.'
	$(BIN)/python -m bench.lab --write docs/lab.md

clean:
	@test ! -x $(BIN)/nbmon || $(BIN)/nbmon stop pictures 2>/dev/null || true
	rm -rf $(VENV) .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache artifacts build dist
