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
.PHONY: help setup demo demo-quick demo-compare demo-minilm demo-smollm2 test test-unit test-integration matrix \
	test-cluster test-e2e disturb e2e-ready chaos cluster-up cluster-down kube kstatus alerts udhr chromium \
	images checkov other-crds lint types format generate bench bench-parallel bench-scaling \
	bench-toy bench-startup bench-fetch bench-tasks bench-large bench-serve bench-operator replicate lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## Make .venv with everything, pinned by hash (every target does)

$(READY): pyproject.toml constraints.txt tools/setup.sh
	tools/setup.sh $(PYTHON) $(VENV)
	@touch $@

$(BIN)/uv:
	$(MAKE) setup

demo: $(READY) ## Adapt an English model to French, on this machine, from nothing
	$(BIN)/python examples/bible/demo.py

demo-quick: $(READY) ## The demo on a smaller base that has learned less
	$(BIN)/python examples/bible/demo.py --quick

demo-compare: $(READY) ## The demo with all three methods and what each cost
	$(BIN)/python examples/bible/demo.py --compare

test: lint types test-unit test-integration test-cluster test-e2e ## Everything that CI runs, in this order

test-unit: $(READY) kstatus alerts udhr ## Pure code and tiny models, minutes
	tools/loopback.sh $(BIN)/pytest tests/unit

test-integration: $(READY) chromium ## Real models, real local Ray, a real S3 server, a real browser
	tools/loopback.sh $(BIN)/pytest tests/integration

matrix: $(READY) ## Bases x tokenizers x data x precision, every two together: right, or refused
	MATRIX=whole tools/loopback.sh $(BIN)/pytest tests/integration/matrix

test-cluster: $(READY) kube checkov other-crds ## The operator on a real control plane with the real KubeRay
	tools/loopback.sh $(BIN)/pytest tests/cluster

test-e2e: e2e-ready ## From `helm install` to Ready on two real nodes; takes root and Debian
	tools/loopback.sh $(BIN)/pytest tests/e2e --ignore=tests/e2e/test_disturbed.py

disturb: e2e-ready ## There, what happens to clusters in the middle of a run
	tools/loopback.sh $(BIN)/pytest tests/e2e/test_disturbed.py

e2e-ready: $(READY) kube
	$(BIN)/python tools/kube/build.py node || test "$${CI:-}" != true
	$(BIN)/python tools/kube/policies.py || test "$${CI:-}" != true
	tests/e2e/prerequisites.sh
	$(MAKE) images || test "$${CI:-}" != true

chaos: $(READY) kube ## Ten seeds of every way to disturb the operator
	CHAOS_SEEDS=10 tools/loopback.sh $(BIN)/pytest tests/cluster/test_chaos.py

cluster-up: $(READY) kube ## A control plane with KubeRay and the operator, for your own terminal
	$(BIN)/python -m tests.cluster.up up

cluster-down: $(READY) ## End it
	$(BIN)/python -m tests.cluster.up down

# Built once by Go, from pinned sources, into a cache of the user's. Without Go the tests that
# need it are skipped, but for CI.
kube: $(READY)
	$(BIN)/python tools/kube/build.py || test "$${CI:-}" != true

kstatus: $(READY)
	$(BIN)/python tools/kstatus/build.py || test "$${CI:-}" != true

# Prometheus' evaluation of alerting rules.
alerts: $(READY)
	$(BIN)/python tools/alerts/build.py || test "$${CI:-}" != true

# Text in every script, for the tokenizers' tests.
udhr: $(READY)
	$(BIN)/python tools/udhr.py || test "$${CI:-}" != true

# For the tests of our pages.
chromium:
	tools/chromium.sh

# Not in .venv: its pins conflict with ours.
checkov: $(READY)
	$(BIN)/python tools/checkov/build.py || test "$${CI:-}" != true

# Of Kueue, Argo CD and the Prometheus operator, from their Go modules.
other-crds: $(READY)
	$(BIN)/python tools/crds/build.py || test "$${CI:-}" != true

images: $(READY) ## The operator's and the trainer's image, as archives in ~/.cache/lingraft/images
	tools/images/prerequisites.sh
	$(BIN)/python tools/images/build.py

generate: $(READY) ## The CRD and docs/reference.md from the models; the chart's schema, README, copy of the CRD
	$(BIN)/lingraft crd >crds/lingraft.dev_languageadaptations.yaml
	$(BIN)/python tools/chart.py
	$(BIN)/python tools/reference.py

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

demo-smollm2: $(READY) ## Adapt SmolLM2-135M, a decoder, to French, beside what it was
	$(BIN)/python examples/bible/smollm2.py

bench: $(READY) ## Step 2 against transformers' Trainer, in turn (BENCH_ARGS=--quick: one case)
	$(BIN)/python -m bench.trainer $(BENCH_ARGS)

bench-parallel: $(READY) ## Two workers on loopback against one process, and more nodes by computation
	OMP_WAIT_POLICY=PASSIVE tools/loopback.sh $(BIN)/python -m bench.trainer.parallel $(BENCH_ARGS)

bench-scaling: $(READY) ## 8 and 64 nodes by computation again, from the newest `make bench-parallel`
	$(BIN)/python -m bench.trainer.scaling

bench-toy: $(READY) ## What a run costs that has hardly any work
	$(BIN)/python -m bench.toy

bench-startup: $(READY) ## What a stage costs beside its training, by cause
	OMP_WAIT_POLICY=PASSIVE tools/loopback.sh $(BIN)/python -m bench.trainer.startup $(BENCH_ARGS)

bench-fetch: $(READY) ## A 500 MB checkpoint from S3 to ready to train, against the link
	tools/loopback.sh $(BIN)/python -m bench.trainer.fetch

# Threads that wait must not spin: processor seconds are what is reported.
PRESET ?= cpu-smoke
replicate: $(READY) ## The paper's claim measured: PRESET=cpu-smoke|cpu-small|..., ARGS="--language de"
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m bench.replication --preset $(PRESET) $(ARGS)

bench-large: $(READY) ## A 2.5 GiB body adapted under a memory limit of 1.5 GiB (as root, in control groups)
	$(BIN)/python -m bench.large

bench-serve: $(READY) ## Language packs on one body against as many whole models
	$(BIN)/python -m bench.serve

bench-tasks: $(READY) ## Fine-tuning and evaluation against transformers' modules as they come
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m bench.trainer.tasks $(BENCH_ARGS)

bench-operator: $(READY) kube ## 1,000 and 5,000 resources with stages that end at once; then of 603 stages
	$(BIN)/python -m bench.stages
	tools/loopback.sh $(BIN)/python -m bench.fleet --resources 1000
	tools/loopback.sh $(BIN)/python -m bench.fleet --resources 5000

# Not after $(READY): a new dependency has no hash yet, so that setup would fail.
lock: $(BIN)/uv ## Write constraints.txt anew (LOCK_ARGS=--upgrade moves every version)
	tools/lock.sh $(BIN)/uv $(LOCK_ARGS)

clean: ## Remove .venv and what tools left behind
	rm -rf $(VENV) dist .ruff_cache .pytest_cache .hypothesis .import_linter_cache
