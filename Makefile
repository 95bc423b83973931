# make lab and make test do everything from nothing: they need only Python 3.11 or newer and make.
# On Linux, CPU=1 or CPU=0 chooses PyTorch's build for CPUs or the one for NVIDIA GPUs; else nvidia-smi decides.
PYTHON ?= python3
BIN := .venv/bin
# Where the sketches are drawn once for all tests, kernels and browsers of a make test.
export CIFAR_COURSE_SKETCHES := $(CURDIR)/.venv/sketches
# Some fifty processes import the course; each would compile it again.
unexport PYTHONDONTWRITEBYTECODE
PYTEST := $(BIN)/python -m pytest -p tests.quick_start
NBVAL := -n 3 --dist loadfile --no-loadscope-reorder -p no:cacheprovider --nbval-lax --nbval-current-env --nbval-cell-timeout=300

.PHONY: lab test test-only test-slow test-real run record bench heads constraints check site site-test clean

lab: .venv/ready
	$(BIN)/jupyter lab notebooks/00_start_here.ipynb

# Three tests at a time on two cores, for some wait; each has one thread. The tests of the site are skipped by test-only
# where the extra is missing that builds it, and those in Chromium where Chromium is.
test: .venv/site check test-only

test-only: .venv/ready
	rm -rf $(CIFAR_COURSE_SKETCHES)
	OMP_NUM_THREADS=1 $(PYTEST) -p no:nbval -n 3 --dist worksteal -m "not alone and not slow" --ignore=tests/notebooks tests
	$(PYTEST) -p no:nbval -m "alone and not slow" $$(grep -rl --include='*.py' mark.alone tests)
	OMP_NUM_THREADS=1 CIFAR10_ROOT=$(CIFAR_COURSE_SKETCHES) CIFAR10_OFFLINE=1 $(PYTEST) $(NBVAL) -m "not slow" notebooks tests/notebooks

# What takes minutes; CI runs it once a week. Notebooks get as many sketches as learners, eight times those of make test.
test-slow: .venv/ready
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 --dist worksteal -m slow tests
	OMP_NUM_THREADS=1 CIFAR10_ROOT=$(CIFAR_COURSE_SKETCHES) CIFAR10_OFFLINE=1 CIFAR10_SKETCHES=4000 \
		$(PYTEST) $(NBVAL) notebooks tests/notebooks

test-real: .venv/ready
	$(PYTEST) -m real tests
	CIFAR10_OFFLINE=1 $(PYTEST) $(NBVAL) notebooks

# Measures the speed of training on the real data (some half an hour on two quiet cores).
bench: .venv/ready
	$(BIN)/python -m benchmarks

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2 || $(BIN)/mypy  # workers that a busy machine starts too slowly are no error

# Executes every notebook on the real data and stores it with its outputs.
run: .venv/ready
	$(BIN)/python notebooks/store.py

# Records every run again from its config.json, and the gallery of bugs (some six hours on two cores).
record: .venv/ready
	$(BIN)/python -m cifar_helpers.runs record $(notdir $(wildcard resources/runs/*))
	$(BIN)/python -m cifar_helpers.bug_gallery

# Writes what depends on the project's address, pyproject.toml's Repository: heads of notebooks, the README's links.
heads: .venv/ready
	$(BIN)/python -m cifar_helpers.heads

# The versions in .venv, without those of GPUs, which other machines do not have.
constraints: .venv/ready
	{ sed -n "s/on [0-9-]* (/on $$(date +%F) (/; /^#/p" constraints.txt; \
	  $(BIN)/python -m pip freeze --exclude-editable | grep -Ev '^(nvidia|cuda|triton)|@' | sed 's/+.*//'; } > constraints.new
	mv constraints.new constraints.txt

# The course on the web, from the stored notebooks: nothing is executed, and nothing is fetched.
site: .venv/site
	$(BIN)/python site/build.py

# Builds it once more, and opens every page in Chromium; make test does so, too.
site-test: .venv/site
	OMP_NUM_THREADS=1 $(PYTEST) -n 2 tests/site

.venv/site: .venv/ready
	$(BIN)/python -m pip install --quiet --editable ".[lab,test,site]"
	touch $@

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python tools/install.py
	touch $@

clean:
	rm -rf .venv build dist site/_build
