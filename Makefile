# Every target that needs Python makes .venv first, or brings it up to date: scripts/make_venv.py says how.
# Nothing but Python 3.11 or newer and make has to be there; see CONTRIBUTING.md.

# The first of these that is new enough is used; `make PYTHON=/path/to/python run` takes another.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11
# More arguments for pytest: `make test ARGS="tests/unit -k cron"`.
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run test check format bench clean venv venv-dev

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: venv ## set up if needed, and serve on http://127.0.0.1:8000
	@exec $(BIN)/python -m engine serve

test: venv-dev ## run every test; ARGS="..." is handed to pytest
	$(BIN)/python -m pytest $(ARGS)

check: venv-dev ## style, types, import floors and house rules
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

format: venv-dev ## put the code into the house style
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

bench: venv-dev ## run the benchmarks
	$(BIN)/python -m bench

clean: ## remove .venv and everything that tools left behind; data/ stays
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@$(call make_venv,run)

venv-dev:
	@$(call make_venv,dev)

# The version is asked in words that every Python 3 understands: an older one could not even read the script.
define make_venv
for python in $(PYTHON); do \
	if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
		exec "$$python" scripts/make_venv.py $(1); \
	fi; \
done; \
echo "Python 3.11 or newer is needed, and none was found as: $(PYTHON). Name one with: make PYTHON=/path/to/python3" >&2; \
exit 1
endef
