# Two commands: `make demo` shows what ftctl does, `make test` proves it. Both set up all they need in .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test check bench lock schemas clean
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/installed ## apply the repo's own specs/ on the embedded local Azure
	@$(BIN)/ftctl local reset --yes 2>/dev/null # the demo begins with an empty local Azure
	@$(BIN)/ftctl apply specs --auto-approve
	@echo "Go on with: source .venv/bin/activate && ftctl plan"

test: .venv/developed ## run all the tests
	@$(BIN)/python -m pytest -n 2

check: .venv/developed ## linters, types and layers
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/developed ## measure start-up, validate and plan
	@$(BIN)/python -m tests.bench

schemas: .venv/developed ## write schemas/ anew from the kinds
	@$(BIN)/python -m ftctl.spec.schema

lock: ## pin all dependencies anew, with hashes (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock

clean: ## remove the environment and all state
	@rm -rf .venv .ftctl

.venv/made:
	@echo "Making the environment in .venv"
	@$(PYTHON) -m venv .venv || python3 -m venv .venv
	@touch $@

.venv/installed: .venv/made requirements.lock pyproject.toml
	@echo "Installing ftctl and what it runs with"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/developed: .venv/installed requirements-dev.lock
	@echo "Installing what the tests need"
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@
