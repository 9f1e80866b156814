# Two commands are all that a newcomer needs: `make demo` and `make test`.
.PHONY: demo test setup lint bench soak lock clean

SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=

## demo: set everything up and run a hall with three branches on real footage
demo: 
	@sh .ci/setup demo
	@$(BIN)/linkup demo $(ARGS)

## test: set up what the tests need and run them all
test:
	@sh .ci/setup test
	@$(BIN)/python -m pytest $(ARGS)

## setup: what both of them call first
setup:
	@sh .ci/setup demo

## lint: linters and type checkers of Python and of the pages
lint:
	@sh .ci/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd web && PATH="$$PWD/../.venv/node:$$PATH" npm run -s check

## bench: every benchmark, one table, JSON in benchmarks/out
bench:
	@sh .ci/setup test
	@$(BIN)/python benchmarks/run_all.py $(ARGS)

## soak: the long tests: fuzzing, hours in minutes
soak:
	@sh .ci/setup test
	@$(BIN)/python -m pytest -m soak $(ARGS)

## lock: renew the lock files (Python and npm)
COMPILE := $(BIN)/pip-compile -q --generate-hashes --strip-extras --allow-unsafe --no-header \
    --no-annotate --no-emit-index-url --no-emit-trusted-host --no-emit-find-links
lock:
	$(BIN)/python -m pip install -q pip-tools
	$(BIN)/python .ci/requirements.py editable | $(COMPILE) -o requirements.lock -
	$(BIN)/python .ci/requirements.py editable dev | $(COMPILE) -o requirements-dev.lock -
	cd web && npm install --package-lock-only --no-audit --no-fund

clean:
	rm -rf .venv web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
