# Every command of the project, the same here and in CI. `make` alone lists them.
# A recipe longer than a few lines lives in scripts/.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

CACHE := $(or $(LEADSMAN_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/leadsman)
OWN_UV := $(CACHE)/uv/bin/uv
# The uv on the PATH if it runs (a shim may not), else one of our own.
UV := $(or $(shell uv --version >/dev/null 2>&1 && command -v uv),$(OWN_UV))
# Steps never sync by themselves: several at once would change .venv under each other.
RUN := $(UV) run --no-sync
# Inside .venv, so that a new .venv (another UV_PYTHON makes one) is synced again.
SYNCED := .venv/.synced-$(subst /,-,$(UV_PYTHON))
PROJECTS := $(wildcard pyproject.toml */pyproject.toml)
SOURCES := crds/src operator/src serving-runtime/src training-jobs/src devcluster/src
# The generator's tests lie with the architecture's, and count for its coverage.
CLUSTERLESS := $(wildcard $(addprefix tests/,architecture/test_generated.py golden unit))
# Lives in a world with faults, which take minutes: `make test` runs them.
SIMULATION := tests/simulation
# Start servers and processes of their own, which takes minutes: `make test` runs them.
COMPONENT := tests/component
# Two end-to-end tests at a time; one that is long begins at once.
TWO := -n 2 --maxschedchunk 1
# The longest first: the steps run side by side.
CHECKS := unit chart architecture types workflows imports generated lint config

##@ Everyday

.PHONY: help
help: ## list the commands
	@scripts/help $(MAKEFILE_LIST)

.PHONY: check
check: $(SYNCED) ## everything that needs no cluster: format, lint, types, imports, tests, charts
	@MAKE='$(MAKE)' $(RUN) python scripts/run_steps.py $(CHECKS)

.PHONY: test
test: ## everything, end to end on a cluster of three nodes included
	@MAKE='$(MAKE)' scripts/test-all

.PHONY: demo
demo: $(SYNCED) ## a model's whole life on a real cluster: search, gate, rollout, rollback
	@UV='$(UV)' scripts/demo

.PHONY: demo-down
demo-down: down ## remove what `make demo` made

.PHONY: sync
sync: $(SYNCED) ## install all packages and tools into .venv, as the lockfile says
	@echo "sync: .venv is what uv.lock says"

.PHONY: generate
generate: $(SYNCED) ## write the CRDs, their chart and their reference from the models
	@echo "generate: CRDs, chart and reference from the models in crds/"
	@$(RUN) python -m leadsman_api.crdgen

.PHONY: format
format: $(SYNCED) ## format the code and repair what the linter can repair
	@echo "format: ruff"
	@$(RUN) ruff format
	@$(RUN) ruff check --fix-only --quiet

##@ The steps of `make check`

.PHONY: lint
lint: $(SYNCED) ## formatting, lint and spelling
	@echo "lint: ruff, codespell"
	@$(RUN) ruff format --check --quiet --output-format concise || { echo "not formatted: run make format"; exit 1; }
	@$(RUN) ruff check --quiet --output-format concise
	@$(RUN) codespell $$(git ls-files -co --exclude-standard)
	@echo "formatted, no findings"

.PHONY: types
types: $(SYNCED) ## types: mypy, strict
	@echo "types: mypy --strict"
	@$(RUN) mypy $(SOURCES) scripts tests

.PHONY: imports
imports: $(SYNCED) ## the layers: import contracts
	@echo "imports: import-linter"
	@$(RUN) lint-imports --no-cache

.PHONY: unit
unit: $(SYNCED) ## tests of what the code does: tables, golden stories
	@echo "unit: $(CLUSTERLESS)"
	@$(RUN) pytest -n auto $(CLUSTERLESS)

.PHONY: simulation
simulation: $(SYNCED) ## lives of the resources in a world with faults, drawn by chance
	@echo "simulation: $(SIMULATION)"
	@$(RUN) pytest -n auto --maxschedchunk 1 $(SIMULATION)

.PHONY: component
component: $(SYNCED) ## tests that start servers and processes of their own
	@echo "component: $(COMPONENT)"
	@$(RUN) pytest -n auto $(COMPONENT)

.PHONY: coverage
coverage: $(SYNCED) ## the same and those with servers and processes; fails below 90 % of the pure code
	@echo "coverage: $(CLUSTERLESS) $(SIMULATION) $(COMPONENT)"
	@$(RUN) pytest -n auto --cov --cov-report=term $(CLUSTERLESS) $(SIMULATION) $(COMPONENT)
	@$(RUN) coverage json --quiet --fail-under=0 -o - | $(RUN) python scripts/coverage_gate.py

.PHONY: architecture
architecture: $(SYNCED) ## tests of the repository itself: layers, limits, layout, documentation
	@echo "architecture: tests/architecture"
	@$(RUN) pytest tests/architecture

.PHONY: chart
chart: $(SYNCED) ## tests of the charts, rendered with helm
	@echo "chart: tests/chart"
	@$(RUN) devcluster tools helm >/dev/null  # the first time it is compiled
	@$(RUN) pytest tests/chart

.PHONY: workflows
workflows: $(SYNCED) ## lint of .github: actionlint, zizmor
	@echo "workflows: actionlint, zizmor"
	@PATH="$$($(RUN) devcluster tools actionlint):$$PATH" actionlint -shellcheck= -pyflakes=
	@$(RUN) zizmor --offline --no-progress --quiet --pedantic .github
	@echo "no findings"

.PHONY: generated
generated: $(SYNCED) ## generated files are what the models say
	@echo "generated: crdgen --check"
	@$(RUN) python -m leadsman_api.crdgen --check

.PHONY: config
config: $(SYNCED) ## pyproject files, lockfile and commit hooks are valid and up to date
	@echo "config: validate-pyproject, uv lock --check, pre-commit validate-config"
	@$(RUN) validate-pyproject $(PROJECTS)
	@$(UV) lock --check
	@$(RUN) pre-commit validate-config .pre-commit-config.yaml
	@echo "$(words $(PROJECTS)) pyproject files, lockfile and hooks are valid"

##@ Cluster

.PHONY: up
up: $(SYNCED) ## start the cluster (WORKERS=2 for three nodes); harmless when it runs
	@$(RUN) devcluster up $(addprefix --workers=,$(WORKERS))

.PHONY: down
down: $(SYNCED) ## remove the cluster; caches stay, so that the next `make up` is quick
	@$(RUN) devcluster down

.PHONY: status
status: $(SYNCED) ## what the cluster is and whether it is well
	@$(RUN) devcluster status

.PHONY: images
images: $(SYNCED) ## build the images and load what changed into the cluster
	@$(RUN) devcluster images

.PHONY: e2e
e2e: $(SYNCED) ## end-to-end tests: the cluster's life, then all else on three nodes
	@echo "e2e: tests/e2e/lifecycle (takes the cluster down and brings it up again)"
	@$(RUN) devcluster up --replace  # the first time its parts are built, which takes minutes
	@$(RUN) pytest --e2e tests/e2e/lifecycle
	@echo "e2e: tests/e2e on three nodes"
	@$(RUN) devcluster up --workers 2 --replace
	@$(RUN) devcluster images
	@$(RUN) pytest --e2e tests/e2e --ignore=tests/e2e/lifecycle -m 'not (kills or outage or alone)' $(TWO)
	@echo "e2e: what kills the operator, then what takes a part of the stack away"
	@$(RUN) pytest --e2e tests/e2e --ignore=tests/e2e/lifecycle -m kills $(TWO)
	@$(RUN) pytest --e2e tests/e2e --ignore=tests/e2e/lifecycle -m outage -n 2 --dist loadgroup
	@echo "e2e: what runs alone"
	@$(RUN) pytest --e2e tests/e2e --ignore=tests/e2e/lifecycle -m alone

.PHONY: bench
bench: $(SYNCED) ## measure what has a promised number, and hold it to that
	@echo "bench: tests/bench"
	@$(RUN) pytest -s tests/bench

.PHONY: bench-serving
bench-serving: $(SYNCED) ## the serving runtime beside its peers, for 50 minutes: ARGS=--help says how to have less
	@echo "bench-serving: build/bench/serving.md"
	@UV='$(UV)' PYTHONPATH=tests $(RUN) python -m bench.serving.run $(ARGS)

.PHONY: bench-judge
bench-judge: $(SYNCED) ## the judge over thousands of simulated rollouts, for 20 minutes: ARGS=--help says how to have fewer
	@echo "bench-judge: build/bench/judge.md"
	@PYTHONPATH=tests $(RUN) python -m bench.judge.run $(ARGS)

.PHONY: bench-training
bench-training: $(SYNCED) ## what a trial, more workers and a study of thousands cost, for 15 minutes: ARGS=--help
	@echo "bench-training: build/bench/training.md"
	@PYTHONPATH=tests $(RUN) python -m bench.training.run $(ARGS)

.PHONY: bench-quality
bench-quality: $(SYNCED) ## what searches find on public data, for half an hour: ARGS=--help says how to have less
	@echo "bench-quality: build/bench/quality.md"
	@PYTHONPATH=tests $(RUN) python -m bench.quality.run $(ARGS)

##@ Housekeeping

.PHONY: hooks
hooks: $(SYNCED) ## run the quick checks before each commit and push
	@$(RUN) pre-commit install --install-hooks

.PHONY: changelog
changelog: $(SYNCED) ## gather changelog.d into CHANGELOG.md (VERSION=1.2.3)
	@$(UV) tool run --from 'towncrier==25.8.0' towncrier build --yes --version "$(VERSION)"

.PHONY: publish
publish: ## build the images for a registry and push them (REGISTRY=ghcr.io/someone VERSION=1.2.3)
	@REGISTRY='$(REGISTRY)' VERSION='$(VERSION)' PUSH='$(PUSH)' scripts/publish-images

.PHONY: clean
clean: ## remove what the tools left in the checkout; cluster and caches elsewhere stay
	@echo "clean: caches, reports and builds in this checkout"
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage* htmlcov dist
	@find . -name .venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

$(OWN_UV): scripts/bootstrap-uv
	@scripts/bootstrap-uv "$(CACHE)/uv"

# The program is order-only: a newer uv is no reason to sync.
$(SYNCED): uv.lock $(PROJECTS) | $(UV)
	@$(UV) sync --all-packages --locked --quiet
	@touch $@
