# Two commands do everything on a fresh Debian or Ubuntu: `make run` and `make test`.
# Each sets up what it needs and is quick the second time.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Without an NVIDIA card, `make run TORCH_INDEX=https://download.pytorch.org/whl/cpu` saves a
# download of gigabytes of CUDA.
TORCH_INDEX ?=
PIP    := PIP_CONSTRAINT=$(CURDIR)/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 \
          $(BIN)/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))

SHOW ?= demo.yaml
FOR  ?= 40s

.PHONY: run test lint bench reference clean help

help: ## name the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run opengl ## play the demo show for forty seconds and record it
	@$(BIN)/murai-show run $(SHOW) --rehearse --for $(FOR)

test: $(VENV)/test opengl screen ## pass the tests
	@$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal $(ARGS)

lint: $(VENV)/test ## ruff and pyright
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/pyright --pythonpath $(BIN)/python

bench: $(VENV)/bench opengl ## measure, in half an hour; the docs quote these scripts
	@$(BIN)/python bench/check.py
	@$(BIN)/python bench/engines.py --json > docs/scores/engines.json
	@$(BIN)/python bench/show.py --json > docs/scores/show.json
	@$(BIN)/python bench/loop.py
	@$(BIN)/python bench/projection.py
	@$(BIN)/python bench/plots.py

reference: $(VENV)/test ## write docs/show.md and the JSON schema anew
	@$(BIN)/python -c 'from murai_show.show.reference import reference; print(reference(), end="")' > docs/show.md
	@$(BIN)/murai-show schema > shows/murai-show.schema.json

clean: ## remove the virtual environment
	rm -rf $(VENV)

# Packages that the operating system lacks come through apt where we may, else a sentence asks.
define packages
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as=sudo; else as=no; fi; \
	if [ "$$as" != no ] && command -v apt-get >/dev/null; then \
	  echo "installing $(1) ..."; \
	  $$as apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$as apt-get install -y -qq --no-install-recommends $(1) >/dev/null; \
	else echo "Please install: $(1)  (Debian, Ubuntu: sudo apt-get install $(1))" >&2; exit 1; fi
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Please install Python 3.11 or newer, or say make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(call packages,python3-venv); }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing Python packages (the first time takes a few minutes) ..."
	@$(PIP) --editable ".[demo,cpu]"
	@touch $@

$(VENV)/test: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing Python packages (the first time takes a few minutes) ..."
	@$(PIP) --editable ".[demo,cpu,dev]"
	@touch $@ $(VENV)/run

$(VENV)/bench: $(VENV)/test
	@$(PIP) --editable ".[demo,cpu,dev,train,bench]"
	@touch $@

.PHONY: opengl screen
opengl: $(VENV)/run
	@$(BIN)/python -c 'import ctypes as c; c.CDLL("libEGL.so.1"); c.CDLL("libGL.so.1")' 2>/dev/null \
	  || { $(call packages,libegl1 libgl1); }

screen: # a virtual screen for the tests of windows; they skip without one
	@command -v xvfb-run >/dev/null && command -v xauth >/dev/null || { $(call packages,xvfb xauth); } || true
