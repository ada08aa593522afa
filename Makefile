# Two commands: `make demo` shows what ftctl does, `make test` proves it. Both set up all they need in .venv.
.DEFAULT_GOAL := help
.PHONY: help demo test others check bench lock schemas clean
PYTHON ?= python3.11
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet install
OTHERS := openai-0.28 azure-cli javascript azurite rego gitops

help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo: .venv/installed ## apply the repo's own specs/ on the embedded local Azure
	@$(BIN)/ftctl local reset --yes 2>/dev/null # the demo begins with an empty local Azure
	@$(BIN)/ftctl apply specs --auto-approve
	@echo "Go on with: source .venv/bin/activate && ftctl plan"

test: .venv/developed ## run all the tests but those of `make others`
	@$(BIN)/python -m pytest -n 2

others: .venv/developed $(OTHERS:%=.others/%/installed) ## other people's clients, each installed by itself, against the local Azure
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m others tests/others

check: .venv/developed ## linters, types and layers
	@$(BIN)/ruff check -q .
	@$(BIN)/ruff format -q --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: .venv/developed ## measure start-up, validate and plan
	@$(BIN)/python -m tests.bench

schemas: .venv/developed ## write schemas/ anew from the kinds
	@$(BIN)/python -m ftctl.spec.schema

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate
lock: ## pin all dependencies anew, with hashes (needs uv)
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	$(COMPILE) tests/others/openai-0.28.in -o tests/others/openai-0.28.lock
	$(COMPILE) tests/others/azure-cli.in -o tests/others/azure-cli.lock
	$(COMPILE) tests/others/rego.in -o tests/others/rego.lock
	$(COMPILE) tests/others/gitops.in -o tests/others/gitops.lock

clean: ## remove the environment and all state
	@rm -rf .venv .others .ftctl

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

.others/%/installed: tests/others/%.lock .venv/made
	@echo "Installing $* in .others"
	@$(BIN)/python -m venv --clear .others/$*
	@.others/$*/bin/python -m pip --disable-pip-version-check --quiet --quiet install --require-hashes -r $<
	@touch $@

.others/javascript/installed .others/azurite/installed: .others/%/installed: tests/others/%/package.json tests/others/%/package-lock.json
	@echo "Installing $* in .others"
	@mkdir -p $(@D)
	@cp $^ $(@D)
	@npm ci --prefix $(@D) --silent --no-audit --no-fund
	@touch $@
