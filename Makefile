# Everything a newcomer needs: `make demo`, `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
# Half as many again as there are cores: many tests wait for processes that they have started. Whoever is done takes over
# what waits behind the long stories of the others.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN || echo 2) \* 3 / 2)

# Tests and figures start the bot hundreds of times: where nothing may be kept compiled, each start would compile it anew
# and take a third longer.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check fix test-long simulate bench soak audit-dependencies clean

demo: $(VENV)/runtime  ## a LangSmith-compatible server with sample traces, a few answers, then a prompt
	@$(BIN)/llmcost demo

test: check  ## lint, types, import contract, tests: what CI runs
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not long"
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not long" --database postgresql tests/contract tests/e2e tests/simulation

check: $(VENV)/dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(VENV)/dev  ## put the code into its form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

test-long: $(VENV)/dev  ## the simulations and calendars that are too long for CI
	@$(BIN)/pytest -n $(WORKERS) --dist worksteal -m long

simulate: $(VENV)/dev  ## ten thousand stories of the clock, and how often each crash and each fault was hit
	@$(BIN)/python -m tests.simulation

bench: $(VENV)/dev  ## figures, as ratios against a named floor on this machine
	@$(BIN)/python -m tests.bench

soak: $(VENV)/dev  ## the bot for a minute under load: memory flat, nothing lost, nothing twice
	@$(BIN)/python -m tests.bench soak --seconds 60

audit-dependencies: $(VENV)/audit  ## known vulnerabilities of the pinned versions; needs the network, and fails where one could not be looked up
	@$(VENV)/audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

$(VENV)/audit: $(VENV)/runtime  # apart: what audits is not among what is audited
	@$(PYTHON) -m venv $@
	@$@/bin/pip --disable-pip-version-check --quiet install pip-audit

$(VENV)/runtime: pyproject.toml constraints.txt
	@echo "Making $(VENV) (about half a minute) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "llmcost needs Python 3.11 or newer; PYTHON=python3.12 make demo names another")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: $(VENV)/runtime
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
