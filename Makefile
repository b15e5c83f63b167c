# What a person types. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
# The stages that DVC starts are to find this environment's python too.
export PATH := $(CURDIR)/$(BIN):$(PATH)

TORCH := $(shell sed -n 's/^torch==//p' requirements.txt)
TORCH_INDEX ?=
# off: the CPU build of torch for a Python whose hash locks/cpu.txt does not hold is taken unchecked.
TORCH_HASHES ?= on
# Quiet: an error is told, and nothing else.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Every file is compared with the hash in locks/, also the source of the few packages without wheels,
# which setuptools of locks/build.txt builds.
PIP_LOCKED := $(PIP_INSTALL) --require-hashes --no-build-isolation
NAME ?= demo
PORT ?= 5000
JOBS ?= 2
MINUTES ?= 120
FAULTS ?= all
FUZZ ?= 2000
FUZZ_S ?= 600
N ?= 300
SEED ?= 0
PIP_AUDIT := 2.10.1
ARCHIVE ?=
FILE ?= feedback.csv
ONLY ?=

.PHONY: help setup demo repro plan refresh feedback retrain rollback exp profile mlflow-ui publish report train-parallel restore push-runs pull-runs verify bench-train bench-metrics study study-report shop check test lint faults fuzz mutants audit lock clean

help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

setup: $(VENV)/runtime.done ## Create .venv with the pinned requirements

demo: train-parallel ## Run the whole pipeline, track it, and say where the results are
	@$(BIN)/python -m stages.publish || true
	@printf '\n%s\n' 'Done.' \
	    '  The designs and their evidence:  data/report/index.html' \
	    '  The experiments:                 make exp' \
	    '  The runs in MLflow:              make mlflow-ui' \
	    '  Against the committed numbers:   source $(BIN)/activate && dvc metrics diff' \
	    'Those were made on another machine. Rounding differs from CPU to CPU and training amplifies it, so' \
	    'that the numbers of trained models move: that alone is no change for the worse.'

repro: setup ## Run what changed and what follows, and track it
	@$(BIN)/python -m stages.parallel 1
	@$(BIN)/python -m stages.publish || true

plan: setup ## Say what would run, and how long it takes; run nothing
	@$(BIN)/python -m stages.plan '$(JOBS)'

refresh: setup ## Ask the sources for news; `make repro` then runs what they change
	@$(BIN)/python -m stages.refresh

feedback: setup ## Take in verdicts saved from the page: make feedback FILE=feedback.csv
	@$(BIN)/python -m stages.feedback '$(FILE)'

retrain: setup ## Ask for news; if any: refresh, train, compare, promote if better, commit
	@$(BIN)/python -m stages.retrain || { status=$$?; [ $$status -eq 10 ] || [ $$status -eq 11 ] || exit $$status; }

rollback: setup ## Go back to the champion before, or to TO=<model or commit>
	@$(BIN)/python -m stages.rollback $(TO)

exp: setup ## Compare experiments in a table of 100 columns
	@$(BIN)/python -m stages.experiments

profile: setup ## Switch params.yaml to profiles/NAME.yaml: make profile NAME=paper, NAME=demo
	@$(BIN)/python -m stages.profile $(NAME)

mlflow-ui: setup | mlflow.db ## Serve the MLflow pages on http://bestseller.localhost:5000 (PORT=...)
	@$(BIN)/python -m stages.mlflow_ui --port '$(PORT)'

mlflow.db: | setup
	@$(BIN)/python -m stages.publish

publish: setup ## Send to MLflow what could not be sent before, and what dvc.lock holds now
	@$(BIN)/python -m stages.publish

report: setup ## Build the report page from what is there
	@$(BIN)/python -m stages.recover
	@$(BIN)/dvc repro report
	@echo data/report/index.html

train-parallel: setup ## Run what changed, several models at once: make train-parallel JOBS=2
	@$(BIN)/python -m stages.parallel '$(JOBS)'

restore: setup ## Bring back the last outputs after a stage failed or was stopped
	@$(BIN)/python -m stages.restore

push-runs: setup ## Send the runs of earlier settings, with their outputs, to DVC's remote
	@$(BIN)/python -m stages.runs push

pull-runs: setup ## Fetch them in another clone
	@$(BIN)/python -m stages.runs pull

verify: setup ## Hash every output anew, also in DVC's cache, and compare with dvc.lock
	@$(BIN)/python -m stages.verify

bench-train: setup ## Compare the trainer's speed with plain steps (minutes, on a quiet machine)
	@PYTHONPATH=src $(BIN)/python benchmarks/train_step.py

bench-metrics: setup ## Time the metrics against the usual packages (minutes, OPTIONS=--small: less)
	@PYTHONPATH=src $(BIN)/python benchmarks/metrics.py $(OPTIONS)

study: setup ## Train and measure what studies/claims.yaml still lacks: MINUTES=120 ARCHIVE=<photos> ONLY=<budget>
	@$(BIN)/python -m stages.study --minutes '$(MINUTES)' --jobs '$(JOBS)' --archive '$(ARCHIVE)' --only '$(ONLY)'

study-report: setup ## Write docs/reproduction.md from the rows of studies/claims.csv
	@$(BIN)/python -m stages.study_report

shop: setup ## Serve the embedded shop for a browser
	@$(BIN)/python -m stages.shop

check: $(VENV)/develop.done lint ## Run every check and the fast tests
	@$(BIN)/python -m pytest -q -m 'not slow' --numprocesses 2 --dist loadfile

test: $(VENV)/develop.done lint ## Run every check and every test
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/develop.done ## Check format, style, types and the direction of imports
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@PYTHONPATH=src:. $(BIN)/lint-imports

faults: $(VENV)/develop.done ## Kill stages, DVC and a retraining, or have their disk fail, at each of their steps
	@FAULTS=$(FAULTS) $(BIN)/python -m pytest -q tests/test_faults.py tests/test_faults_dvc.py

fuzz: $(VENV)/develop.done ## Feed damaged input to its readers: FUZZ_S=600 seconds for each kind
	@FUZZ=$(FUZZ) FUZZ_S=$(FUZZ_S) $(BIN)/python -m pytest -v -s tests/test_fuzz.py tests/test_fuzz_files.py

mutants: $(VENV)/develop.done ## Change the code in N=300 places, drawn by SEED=0: does a test fail at each?
	@$(BIN)/python tools/mutants.py '$(N)' '$(SEED)'

audit: setup ## List the parts and their licences; ask for known holes where there is a network
	@$(BIN)/python tools/parts.py
	@mkdir -p .scratch
	@$(BIN)/python tools/parts.py .scratch/parts.cdx.json
	@[ -x .scratch/audit/bin/pip-audit ] || { \
	    $(BIN)/python -m venv .scratch/audit && \
	    .scratch/audit/bin/python -m pip install --quiet 'pip-audit==$(PIP_AUDIT)'; } || { \
	    echo 'pip-audit cannot be had here: known holes were not asked for' >&2; exit 1; }
	@.scratch/audit/bin/pip-audit $(foreach lock,build runtime cuda servers ray develop,--requirement locks/$(lock).txt) --no-deps --disable-pip

lock: $(VENV)/develop.done ## Install what requirements*.txt name now, write all versions and hashes to locks/
	@! $(NO_GPU) || $(PIP_INSTALL) 'torch==$(TORCH)+cpu' $(EXTRA_INDEX)
	@$(PIP_INSTALL) --requirement requirements.txt --requirement requirements-dev.txt
	@$(BIN)/python tools/lock.py $(TORCH_INDEX)

clean: ## Remove the caches of tools; results, .venv and the MLflow store stay
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dvc_plots
	@find src stages tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. On Linux without an NVIDIA GPU the CPU build of torch comes first, by its exact
# local version: what needs torch is then content with it and no CUDA package is ever fetched.
$(BIN)/python:
	@for python in python3.11 python3.12 python3.13 python3; do \
	    if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	    then exec $$python -m venv $(VENV); fi; \
	done; \
	echo 'Python 3.11, 3.12 or 3.13 is needed and none was found' >&2; exit 1

NO_GPU := { [ "$$(uname -s)" = Linux ] && ! nvidia-smi >/dev/null 2>&1; }
EXTRA_INDEX := $(if $(TORCH_INDEX),--extra-index-url '$(TORCH_INDEX)')
CUDA := $(if $(filter Linux,$(shell uname -s)),--requirement locks/cuda.txt)

$(VENV)/runtime.done: $(addprefix locks/,build.txt cpu.txt runtime.txt cuda.txt) | $(BIN)/python
	@echo 'Installing the pinned packages into $(VENV): some minutes, once'
	@$(PIP_LOCKED) --requirement locks/build.txt
	@if $(NO_GPU); then \
	    if [ '$(TORCH_HASHES)' = off ]; then \
	        echo 'torch $(TORCH)+cpu: taken without a check of its hash' >&2; \
	        $(PIP_INSTALL) --no-deps 'torch==$(TORCH)+cpu' $(EXTRA_INDEX); \
	    else \
	        $(PIP_LOCKED) --no-deps --requirement locks/cpu.txt $(EXTRA_INDEX); \
	    fi || { \
	        echo 'torch $(TORCH)+cpu was not found, or it is none of locks/cpu.txt, which knows the build' \
	            'for Python 3.11 on x86_64: `make $(or $(firstword $(MAKECMDGOALS)),setup) TORCH_INDEX=<url>`' \
	            'names the index of PyTorch'\''s CPU wheels, from its install page, and TORCH_HASHES=off' \
	            'takes the build for another Python unchecked' >&2; \
	        exit 1; }; \
	    $(PIP_LOCKED) --requirement locks/runtime.txt; \
	else \
	    $(PIP_LOCKED) --requirement locks/runtime.txt $(CUDA); \
	fi
	@touch $@

$(VENV)/develop.done: locks/servers.txt locks/ray.txt locks/develop.txt $(VENV)/runtime.done
	@$(PIP_LOCKED) --requirement locks/servers.txt --requirement locks/ray.txt --requirement locks/develop.txt
	@touch $@
