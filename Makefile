# Every target is a sentence; the doing lives in hack/. `make help` writes itself.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PY := .venv/bin/python
CLUSTER ?= auto
PART ?= all

##@ Start here
.PHONY: help demo test
help: ## Show the targets, grouped.
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: setup ## From a bare machine to a published asset on a real cluster.
	@CLUSTER=$(CLUSTER) $(PY) -m hack.demo

test: setup ## Run every tier of tests, long ones in seeded samples.
	@$(PY) -m hack.test all

##@ While you work
.PHONY: setup test-fast test-full lint format crds docs docs-media requirements bench
setup: ## Make .venv and install system packages that are missing.
	@hack/setup

test-fast: setup ## Run what needs no cluster, in under a minute.
	@$(PY) -m hack.test fast

test-full: setup ## Run every count in full, for a night.
	@$(PY) -m hack.test full

lint: setup ## Check style, types, import arrows, chart and generated files.
	@$(PY) -m hack.lint

format: setup ## Format the Python code.
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

crds: setup ## Write the CRDs out from the models.
	@$(PY) -m mediaops.crd crds helm/mediaops/crds

docs: setup ## Write the pages that are made from the models and the table of reasons.
	@$(PY) -m hack.docs

docs-media: setup ## Make the pictures in the docs anew.
	@$(PY) -m hack.docs_media

requirements: setup ## Pin the requirements anew, with hashes.
	@hack/requirements

bench: setup ## Measure against baselines of the same run (PART=orchestration|media|all).
	@$(PY) -m bench $(PART)

##@ The pieces, one by one
.PHONY: cluster cluster-down services services-down images clean
cluster: setup ## Start the local cluster and wait until it is Ready.
	@$(PY) -m hack.cluster up

cluster-down: setup ## Stop the local cluster and leave nothing of it behind.
	@$(PY) -m hack.cluster down

services: cluster ## Start Postgres, S3, n8n and the platforms' stand-ins beside the cluster.
	@$(PY) -m hack.services up

services-down: setup ## Stop those services.
	@$(PY) -m hack.services down

images: setup ## Build the control and operations images.
	@$(PY) -m hack.images

clean: services-down cluster-down ## Stop everything and remove .local and .venv (the cache stays).
	@rm -rf .local .venv
