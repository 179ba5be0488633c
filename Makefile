# Every target makes its own virtual environment first, and renews it when the requirements change.

# 3.11 is what everything was tested with; any later one may do.
PYTHON ?= $(shell python3.11 -c 'import sys; print(sys.executable)' 2>/dev/null || command -v python3)
VENV := .venv
RUN_READY := $(VENV)/.ready-to-run
DEV_READY := $(VENV)/.ready-to-develop
LOCKED := $(VENV)/locked.txt
# Of a lock that was deleted, nothing.
FOLLOW_LOCK = cat $(wildcard requirements-dev.lock) /dev/null | sed -n 's/^\([^ ]*==[^ ]*\).*/\1/p' > $(LOCKED)

# Where the corpora lie: beside the repository if they are there, else in it.
SER_DATA ?= $(firstword $(wildcard ../shared/data) data)
DATA ?= $(firstword $(wildcard $(SER_DATA)/ravdess-speech) $(SER_DATA)/ravdess)
EMODB ?= $(SER_DATA)/emodb
MODEL ?= checkpoint
CLIPS ?= examples
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help app web train evaluate report predict bench test conformance hardening load container-test space lint fix lock audit

help:  ## Show this list
	@echo "make TARGET [ARGS='options for the program behind it']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

app: $(RUN_READY)  ## Serve the demo on http://127.0.0.1:7860
	$(VENV)/bin/python -m ser demo $(ARGS)

web: $(RUN_READY)  ## Build the page that recognises in the browser and serve it on http://127.0.0.1:8000 (needs npm)
	$(VENV)/bin/python -m ser.hub.static_page --model "$(MODEL)" --output web/dist
	$(VENV)/bin/python -m http.server 8000 --bind 127.0.0.1 --directory web/dist

train: OUT ?= output/model
train: $(RUN_READY)  ## Train the shipped recipe: DATA=corpus folder or zip, OUT=output/model
	$(VENV)/bin/python -m ser train --data_dir "$(DATA)" --output_dir "$(OUT)" $(ARGS)

evaluate: OUT ?= output/evaluation
evaluate: $(RUN_READY)  ## Measure MODEL=checkpoint on DATA=corpus folder or zip, OUT=output/evaluation
	$(VENV)/bin/python -m ser evaluate --model "$(MODEL)" --data_dir "$(DATA)" --output_dir "$(OUT)" $(ARGS)

report: $(RUN_READY)  ## Fill tables, pictures and the model card from the result files
	$(VENV)/bin/python -m benchmarks.report.results
	$(VENV)/bin/python -m benchmarks.report.generalisation
	$(VENV)/bin/python -m benchmarks.report.own_labels
	$(VENV)/bin/python -m benchmarks.report.card

predict: OUT ?= output/scores.parquet
predict: $(RUN_READY)  ## Score CLIPS=files, folders or globs with MODEL=checkpoint, OUT=output/scores.parquet
	$(VENV)/bin/python -m ser predict --model "$(MODEL)" --output "$(OUT)" $(CLIPS) $(ARGS)

bench: $(DEV_READY)  ## Measure how fast it is on DATA=corpus folder, and write docs/performance.md
	$(VENV)/bin/python -m benchmarks.speed.run --model "$(MODEL)" --data_dir "$(DATA)" --emodb_dir "$(EMODB)" $(ARGS)

test: $(DEV_READY)  ## Run all tests, the files shared out among two processes
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses 2 --dist loadfile $(ARGS)

# Kept inside the virtual environment, so that it is renewed with it and never committed.
conformance: $(DEV_READY)  ## Run transformers' own common tests on our classes; fetches them once
	$(VENV)/bin/python tests/conformance/fetch.py $(VENV)/conformance
	SER_CONFORMANCE=$(VENV)/conformance $(VENV)/bin/python -m pytest tests/conformance $(ARGS)

hardening: $(DEV_READY)  ## Run the long form: 10,000 mutations, 50 kills, then 1,000 requests and 100 users
	SER_HARDENING=1 $(VENV)/bin/python -m pytest tests/test_hostile_audio.py tests/training/test_checkpoints.py $(ARGS)
	$(VENV)/bin/python -m benchmarks.demo.load

load: $(RUN_READY)  ## Drive the demo with 1,000 requests and 100 users, on a quiet machine for minutes
	$(VENV)/bin/python -m benchmarks.demo.load $(ARGS)

container-test: BASE ?= debootstrap
container-test: $(DEV_READY)  ## As root, build the container and analyse a clip in it: BASE=debootstrap or pull
	SER_CONTAINER="$(BASE)" $(VENV)/bin/python -m pytest tests/container --capture=no $(ARGS)

space: SPACE ?=
space: $(RUN_READY)  ## Publish the demo as a Space of the Hugging Face Hub: SPACE=owner/name
	$(VENV)/bin/python -m ser push space "$(SPACE)" $(ARGS)

lint: $(DEV_READY)  ## Check style, format and types
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .

fix: $(DEV_READY)  ## Mend what ruff can mend by itself
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(DEV_READY)  ## Write requirements*.lock, all that is installed with its hashes; ARGS for uv; delete the old first
	$(VENV)/bin/python -m pip install uv==0.13.9
	$(VENV)/bin/python -m tools.lock $(ARGS)

# In an environment of its own, for it is no part of what is checked. Asks a public database of vulnerabilities.
audit: $(DEV_READY)  ## Look for known vulnerabilities in what is locked
	test -x $(VENV)/audit/bin/pip-audit || ("$(PYTHON)" -m venv $(VENV)/audit && $(VENV)/audit/bin/pip install pip-audit==2.10.1)
	$(VENV)/audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements-dev.lock $(ARGS)

# The pip script is the last thing `venv` writes: without it an earlier attempt was cut short. What the
# requirements bring comes in the versions of the lock, where there is one: in those that were tested.
$(RUN_READY): requirements.txt pyproject.toml $(wildcard requirements-dev.lock)
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11")'
	test -x $(VENV)/bin/pip || "$(PYTHON)" -m venv --clear $(VENV)
	$(FOLLOW_LOCK)
	$(VENV)/bin/python -m pip install -r requirements.txt -c $(LOCKED)
	$(VENV)/bin/python -m pip install --no-deps --editable .
	@touch $@

$(DEV_READY): requirements-dev.txt requirements-ray.txt $(RUN_READY)
	$(FOLLOW_LOCK)
	$(VENV)/bin/python -m pip install -r requirements-dev.txt -c $(LOCKED)
	@touch $@
