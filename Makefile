# Every target makes the virtual environment if it is missing; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools
TENSORFLOW := $(VENV)/.tensorflow
RELEASE := $(VENV)/.release
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# Figures are files; the backend of a notebook may not be installed here.
export MPLBACKEND := agg

.PHONY: help install reproduce test check lint types imports readme speed evidence page gallery guide site release sbom audit clean

help: ## Show the targets.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(TENSORFLOW) ## Make the virtual environment from the constraints file.

# torch goes first and alone: it is the one large package, and everything else builds on it.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=..., for example make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) --editable '.[lab,sweep]'
	@touch $(INSTALLED)

# What only tests and documents need.
$(TOOLS): $(INSTALLED)
	$(PIP_INSTALL) --editable '.[lab,sweep,onnx,hub,keras,dev,docs]'
	@touch $(TOOLS)

# TensorFlow has an environment of its own on top of the other: TensorBoard imports it where it finds
# it, which costs every run some seconds.
$(TENSORFLOW): $(TOOLS)
	$(PYTHON) -m venv $(VENV)/tensorflow
	@echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
		> "$$($(VENV)/tensorflow/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
	$(VENV)/tensorflow/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		tensorflow-cpu || echo "TensorFlow could not be installed: its tests will be skipped"
	@touch $(TENSORFLOW)

reproduce: $(INSTALLED) ## Reproduce the tutorial's tables; ARGS="--seeds 3" is passed on.
	@$(BIN)/coordconv reproduce $(ARGS)

test: $(TENSORFLOW) ## Run the tests.
	@$(BIN)/python -m pytest $(ARGS)

check: lint types imports test ## Lint, types, import rules and tests.

lint: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(TOOLS)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python

imports: $(TOOLS)
	@$(BIN)/lint-imports

readme: $(TOOLS) ## Write the measured table and the picture of the README anew from results/.
	@$(BIN)/python docs/make_readme.py

speed: $(TOOLS) ## Write all pages that show benchmarks/results/ anew.
	@$(BIN)/python docs/make_speed.py
	@$(BIN)/python docs/make_training_speed.py
	@$(BIN)/python docs/make_sweeps.py
	@$(BIN)/python docs/make_models.py
	@$(BIN)/python docs/make_numbers.py
	@$(BIN)/python docs/make_works_with.py

evidence: $(TOOLS) ## Write the page of evidence and its pictures anew from results/.
	@$(BIN)/python docs/make_evidence.py

page: $(TOOLS) ## Write docs/report.html and the pictures of it anew from results/.
	@$(BIN)/python docs/make_page.py

gallery: $(TOOLS) ## Run the examples, and write the gallery and its pictures anew.
	@$(BIN)/python docs/make_gallery.py

guide: $(TOOLS) ## Draw the pictures of the guide to the layers anew.
	@$(BIN)/python docs/make_guide.py

site: $(TOOLS) ## Build the site of documents into build/site, and check its links.
	@$(BIN)/python docs/make_site.py

$(RELEASE): $(INSTALLED)
	$(PIP_INSTALL) --editable '.[lab,sweep,release]'
	@touch $(RELEASE)

release: $(RELEASE) ## Build the sdist and the wheel of this commit into dist/, and try them out.
	@$(BIN)/python release/build.py
	@$(BIN)/python release/try_out.py

sbom: $(RELEASE) ## List what an installation of dist/ consists of (CycloneDX).
	@$(BIN)/python release/sbom.py

audit: $(RELEASE) ## Look the pinned versions up among the known vulnerabilities.
	@$(BIN)/python release/audit.py

clean: ## Delete the virtual environment; runs stay.
	rm -rf $(VENV)
