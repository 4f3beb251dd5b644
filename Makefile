# Every target makes the virtual environment if it is missing; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
TOOLS := $(VENV)/.tools
TENSORFLOW := $(VENV)/.tensorflow
RELEASE := $(VENV)/.release
PIP_INSTALL := python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# uv needs a tenth of the time of pip. It does not read the settings of pip: where it fails, pip tries.
define install_into
	$(BIN)/uv pip install --quiet --python $(1)/bin/python --constraint constraints.txt $(2) || \
		$(1)/bin/$(PIP_INSTALL) $(2)
endef

RUNS_THE_LABORATORY := --editable '.[lab,sweep]'
RUNS_THE_TESTS := --editable '.[lab,sweep,onnx,hub,keras,dev,docs]'
RUNS_A_RELEASE := --editable '.[lab,sweep,release]'

# Figures are files; the backend of a notebook may not be installed here.
export MPLBACKEND := agg

# Most tests and workers start processes. Without compiled modules, each would compile them again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install reproduce test test-all check lint types imports readme speed evidence page gallery tutorial guide site release sbom audit clean

help: ## Show the targets.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(TENSORFLOW) ## Make the virtual environment from the constraints file.

# torch goes first, by pip, which knows where a machine keeps its own build of it.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; set PYTHON=..., for example make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) torch uv
	$(call install_into,$(VENV),$(RUNS_THE_LABORATORY))
	@touch $(INSTALLED)

# What only tests and documents need.
$(TOOLS): $(INSTALLED)
	$(call install_into,$(VENV),$(RUNS_THE_TESTS))
	@touch $(TOOLS)

# TensorFlow has an environment of its own on top of the other: TensorBoard imports it where it finds
# it, which costs every run some seconds.
$(TENSORFLOW): $(TOOLS)
	$(PYTHON) -m venv $(VENV)/tensorflow
	@echo "import site; site.addsitedir('$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')')" \
		> "$$($(VENV)/tensorflow/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
	$(call install_into,$(VENV)/tensorflow,tensorflow-cpu) || \
		echo "TensorFlow could not be installed: its tests will be skipped"
	@touch $(TENSORFLOW)

reproduce: $(INSTALLED) ## Reproduce the tutorial's tables; ARGS="--seeds 3" is passed on.
	@$(BIN)/coordconv reproduce $(ARGS)

# One thread for each worker. Workers take the files in the order of tests/conftest.py, the longest
# first. All tests have a third worker, because many of the slow ones wait for processes of others.
RUN_TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist=loadfile --no-loadscope-reorder

test: $(TOOLS) ## Run the fast tests; ARGS="tests/claims -x" is passed on.
	@$(RUN_TESTS) --numprocesses=2 -m "not slow" $(ARGS)

test-all: $(TENSORFLOW) ## Run all tests, also those of other tools, of browsers and of clusters.
	@$(RUN_TESTS) --numprocesses=3 $(ARGS)

check: lint types imports test-all ## Lint, types, import rules and all tests.

lint: $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/language/check.py

types: $(TOOLS)
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@PATH="$(abspath $(BIN)):$$PATH" $(BIN)/basedpyright --verifytypes coordconv --ignoreexternal

imports: $(TOOLS)
	@$(BIN)/lint-imports

readme: $(TOOLS) ## Rewrite the measured table and the figure of the README from results/.
	@$(BIN)/python tools/pages/make_readme.py

speed: $(TOOLS) ## Rewrite all pages that show benchmarks/results/.
	@$(BIN)/python tools/pages/make_speed.py
	@$(BIN)/python tools/pages/make_placements.py
	@$(BIN)/python tools/pages/make_training_speed.py
	@$(BIN)/python tools/pages/make_sweeps.py
	@$(BIN)/python tools/pages/make_models.py
	@$(BIN)/python tools/pages/make_numbers.py
	@$(BIN)/python tools/pages/make_works_with.py
	@$(BIN)/python tools/pages/make_brains.py
	@$(BIN)/python tools/pages/make_augmentations.py
	@$(BIN)/python tools/pages/make_known_tasks.py

evidence: $(TOOLS) ## Rewrite the page of evidence and its figures from results/.
	@$(BIN)/python tools/pages/make_evidence.py
	@$(BIN)/python tools/pages/make_where_it_helps.py
	@$(BIN)/python tools/pages/make_where_explorer.py

page: $(TOOLS) ## Rewrite docs/report.html and its screenshots from results/.
	@$(BIN)/python tools/pages/make_page.py

gallery: $(TOOLS) ## Run the examples, and rewrite the gallery and its images.
	@$(BIN)/python tools/pages/make_gallery.py

tutorial: $(TOOLS) ## Make and execute the notebook of the tutorial, and rewrite its page and figures.
	@$(BIN)/python tools/pages/make_tutorial.py

guide: $(TOOLS) ## Redraw the images of the guide to the layers.
	@$(BIN)/python tools/pages/make_guide.py

site: $(TOOLS) ## Build the site of documents into build/site, and check its links.
	@$(BIN)/python tools/site/make_site.py

$(RELEASE): $(INSTALLED)
	$(call install_into,$(VENV),$(RUNS_A_RELEASE))
	@touch $(RELEASE)

release: $(RELEASE) ## Build the sdist and the wheel of this commit into dist/, and try them out.
	@$(BIN)/python release/build.py
	@$(BIN)/python -m twine check --strict dist/torch_coordconv-*
	@$(BIN)/python release/try_out.py

sbom: $(RELEASE) ## List what an installation of dist/ consists of (CycloneDX).
	@$(BIN)/python release/sbom.py

# --strict: also fails if the service does not know a version. Everything is pinned, so nothing is
# resolved or installed.
audit: $(RELEASE) ## Look the pinned versions up among the known vulnerabilities.
	@$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off

clean: ## Delete the virtual environment; runs stay.
	rm -rf $(VENV)
