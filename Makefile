# make demo   the main job on the examples      make test    everything that must be green
# make fast   unit tests, within a minute       make lint    format, lint, types, layers
# make matrix every Python found, 3.10 and up   make format  what a formatter can mend
# make bench  benchmarks against a local nginx  make soak    everything at once, for five minutes
# make wheel  with the hot modules compiled               make compiled     and tested
# make fuzz   property tests with more examples          make bench-peers  beside other clients
# make test-kamailio  what runs inside a real server     make docs     the pages as a site      make compare  features beside other clients
# make bench-kamailio what HTTP costs in one
# make service  a service in front of two backends, and what it can do
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# Whoever wants no bytecode has every worker of the suite compile all tests anew.
unexport PYTHONDONTWRITEBYTECODE
# Three workers a core: half of their time tests wait for sockets, processes and limits.
WORKERS = $(shell expr $$(nproc) \* 3)
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal
# What failed beside others runs once more, alone: what passes then is told above, and is a test to be mended.
AGAIN = $(BIN)/python -m pytest -n 0 --last-failed --last-failed-no-failures none
.PHONY: docs help demo test check lint suite whole beside fast matrix ci format bench bench-guard bench-peers compare service fuzz soak soak-posts clean packages
.PHONY: bench-kamailio demo-conflict faults catalogue check-catalogue wheel compiled double test-kamailio

help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/.demo
	$(BIN)/python examples/demo.py

service: $(VENV)/.dev
	cd examples && $(abspath $(BIN))/python -m service $(ARGS)

test check: lint suite

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/python hatch_build.py

# COVER=--cov measures coverage and shows it. Python 3.10 has the elder library alone: the suite runs on that.
suite: $(VENV)/.dev packages
	@$(MAKE) --no-print-directory --keep-going --jobs=2 VENV=$(VENV) whole \
		$$($(BIN)/python -c 'import httpx2' 2>/dev/null && echo beside)

# What signals hit at random is left out where coverage is measured (`not_measured`), and runs by itself.
UNMEASURED = tests/backends/curl/test_signals.py tests/backends/curl/driving/test_interrupted_callbacks.py
whole:
	$(PYTEST) $(COVER) $(ARGS) || $(AGAIN) $(ARGS)
	$(if $(COVER),$(PYTEST) $(UNMEASURED))

beside:
	@$(MAKE) --no-print-directory double VENV=$(VENV) WORKERS=$$(nproc) >$(VENV)/double.log 2>&1 || \
		{ cat $(VENV)/double.log; exit 1; }
	@echo "the double on its elder library:"; tail -n 1 $(VENV)/double.log

# The tests of the double once more, on the elder of the two libraries that may be under it. What
# has failed is told to nobody: the whole suite may be running.
double: $(VENV)/.dev
	PYTHONPATH=tests $(PYTEST) -p no:cacheprovider -p stand_ins.httpx_alone -k "httpx or double" \
		tests/backends/contract tests/backends/double

# What runs in the real server alone; `make test` has it too.
test-kamailio: $(VENV)/.dev packages
	$(PYTEST) tests/compat/kamailio tests/compat/cli/test_kamailio.py tests/faults/kamailio \
		tests/golden/inside tests/migration/test_rewritten_inside.py $(ARGS) || $(AGAIN) $(ARGS)

# What the server's own modules do to each other, and what this does not.
demo-conflict: $(VENV)/.dev packages
	PYTHONPATH=tests $(BIN)/python scripts/demo-conflict

# Neither root nor a Debian package is needed.
fast: $(VENV)/.dev
	$(PYTEST) -m "not debian and not slow" $(ARGS)

matrix:
	@MAKE="$(MAKE)" scripts/matrix

# The real server runs scripts in one Python alone, Debian's: neither of the ends. What needs that one was skipped
# there, and the rest is not run again.
ci: lint
	@MAKE="$(MAKE)" scripts/matrix --ends
	$(MAKE) --no-print-directory test-kamailio ARGS="-m same_python"
	$(MAKE) --no-print-directory compiled
	$(MAKE) --no-print-directory check-catalogue

# The hot modules compiled (hatch_build.py): a wheel for each Python found, and the engine's tests on one.
wheel:
	scripts/interpreters | while read -r _ python; do \
	  ONEHTTP_COMPILE=1 "$$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist . \
	    </dev/null || exit 1; done

compiled: $(VENV)/.dev packages
	@scripts/need-packages cc:gcc /usr/include/stdio.h:libc6-dev \
		"$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h:python3-dev"
	@VENV="$(VENV)" scripts/test-compiled

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench-guard: $(VENV)/.bench packages
	$(BIN)/python -m benchmarks.guard $(or $(BASE),HEAD) $(ARGS)

bench: $(VENV)/.bench packages
	PYTHONPATH=tests $(BIN)/python -m benchmarks --write $(ARGS)

# In the real server: native modules and these, in turns.
bench-kamailio: $(VENV)/.bench packages
	PYTHONPATH=tests $(BIN)/python -m benchmarks.kamailio --write $(ARGS)

# Other clients, each in an environment of its own; `make bench` measures those that are there.
bench-peers: $(VENV)/.bench packages
	$(BIN)/python -m benchmarks.peers.environments
	$(BIN)/python -m benchmarks.peers $(ARGS)

# What other clients do and do not, into docs/compare.md.
compare: $(VENV)/.dev packages
	$(BIN)/python -m benchmarks.peers.environments
	$(BIN)/python -m benchmarks.comparison --write $(ARGS)

# These three write what came of them into docs/reliability.md.
faults: $(VENV)/.dev packages
	PYTHONPATH=tests $(BIN)/python -m faults.report --write $(ARGS)

# Property tests with ever new examples, for so many minutes.
fuzz: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python scripts/fuzz $(or $(MINUTES),5)

soak: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m soak --write $(or $(MINUTES),5)

# So many POSTs by each way, and what servers and callers have counted.
soak-posts: $(VENV)/.dev
	PYTHONPATH=tests $(BIN)/python -m soak.posts $(or $(POSTS),10000)

# Debian packages that tests and benchmarks talk to: the real thing, not a mock of it.
packages:
	@scripts/need-packages nginx:nginx-light '/usr/lib/python3/dist-packages/pycurl*.so:python3-pycurl' openssl:openssl pg_createcluster:postgresql \
		mariadbd:mariadb-server /usr/share/kamailio/mysql:kamailio-mysql-modules \
		secsipidx:secsipidx chromium:chromium chromedriver:chromium-driver kamailio:kamailio sipp:sip-tester promtool:prometheus nats-server:nats-server redis-server:redis-server \
		tinyproxy:tinyproxy-bin microsocks:microsocks \
		'/usr/lib/*/faketime/libfaketimeMT.so.1:libfaketime' \
		'/usr/lib/*/kamailio/modules/xcap_server.so:kamailio-presence-modules' \
		'/usr/lib/*/kamailio/modules/db_sqlite.so:kamailio-sqlite-modules' \
		'/usr/lib/*/kamailio/modules/app_python3.so:kamailio-python3-modules' \
		'/usr/lib/*/kamailio/modules/tls.so:kamailio-tls-modules' \
		'/usr/lib/*/kamailio/modules/http_client.so:kamailio-utils-modules'

# What a real server offers to scripts, asked from it; its other packages are fetched (30 MB), not installed.
catalogue: packages
	scripts/write-kemi-catalogue

check-catalogue: packages
	scripts/write-kemi-catalogue --check

$(VENV)/bin/python:
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || scripts/need-packages -f python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[cli]'
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.demo

# The documentation as a site, in site/: a link that leads nowhere fails.
docs: $(VENV)/.dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

$(VENV)/.bench: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@ $(VENV)/.demo

clean:
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf $(VENV) .venv-* .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
