# The whole interface of the project. Every target sets up what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export PATH := $(CURDIR)/$(BIN):$(PATH)
export RAY_USAGE_STATS_ENABLED := 0
export TOKENIZERS_PARALLELISM := false

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo demo-compare demo-minilm test test-unit test-integration lint types format \
	bench-quick lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything, pinned by hash (every target does)

$(READY): pyproject.toml constraints.txt tools/setup.sh
	tools/setup.sh $(PYTHON) $(VENV)
	@touch $@

demo: $(READY) ## Adapt an English model to French, on this machine, from nothing
	$(BIN)/python examples/bible/demo.py

demo-compare: $(READY) ## The demo with all three methods and what each cost
	$(BIN)/python examples/bible/demo.py --compare

test: lint types test-unit test-integration ## Everything that CI runs, in this order

test-unit: $(READY) ## Pure code, under a minute
	tools/loopback.sh $(BIN)/pytest tests/unit

test-integration: $(READY) ## Real models, real local Ray, a real S3 server
	tools/loopback.sh $(BIN)/pytest tests/integration

lint: $(READY) ## Style, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## Types (pyright, strict on lingraft/ and operator/)
	$(BIN)/pyright

format: $(READY) ## Format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

demo-minilm: $(READY) ## Adapt all-MiniLM-L6-v2 to French, beside its floor and ceiling
	$(BIN)/python examples/bible/minilm.py

bench-quick: $(READY) ## Embed tokens/s of the three methods beside their FLOPs
	$(BIN)/python bench/quick.py

lock: $(READY) ## Write constraints.txt anew (LOCK_ARGS=--upgrade moves every version)
	tools/lock.sh $(BIN)/uv $(LOCK_ARGS)

clean: ## Remove .venv and what tools left behind
	rm -rf $(VENV) dist .ruff_cache .pytest_cache .hypothesis .import_linter_cache
