# Two commands do all the set-up: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Processes that run tests; each takes up to 1 GB.
WORKERS ?= 2
# Tests start many processes: what Python compiles is kept, also where the machine says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test proof fuzz quick lint reference bench clients clean

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev,kafka,messages,postgres,dask,web]'
	$(BIN)/aas2rto prime --models
	@touch $(INSTALLED)

# A simulated night, one cycle of the loop, ranked lists for three observatories.
demo: $(INSTALLED)
	$(BIN)/aas2rto demo

test: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m 'not proof'

# What takes minutes: kills at every instant, the wheel in an empty folder, long searches; only some
# with ONLY=postgres, say.
ONLY ?= proof
proof: $(INSTALLED)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m 'proof and ($(ONLY))'

# What nobody would write, at every door, for so many minutes; what fails is shrunk and becomes a test.
MINUTES ?= 10
SEED ?= 1
fuzz: $(INSTALLED)
	$(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(SEED)

# What is not slow: while you work, before each commit. Under two minutes on two cores.
quick: lint
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m 'not slow and not proof'

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# docs/reference.md, made from signatures, docstrings and tables; a test says when it is due.
reference: $(INSTALLED)
	$(BIN)/python -m aas2rto.cli.reference docs/reference.md

# Timed comparisons against named peers; each prints its table.
bench: $(INSTALLED)
	for bench in tests/benchmarks/bench_*.py; do \
		$(BIN)/python -m tests.benchmarks.$$(basename $$bench .py) || exit 1; done

# The services' own clients, in an environment of their own, against the stand-ins.
.clients/.installed:
	$(PYTHON) -m venv .clients
	.clients/bin/pip install --quiet alerce lasair fink-client antares-client
	@touch $@

clients: $(INSTALLED) .clients/.installed
	$(BIN)/python -m pytest -q tests/sources/test_official_clients.py

clean:
	rm -rf $(VENV) .clients build dist .mypy_cache .pytest_cache .ruff_cache outputs/demo
