# Everything a newcomer needs. Each target sets up what it needs by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UI := rpm_service/adapters/web/static/index.html
UI_SOURCES := $(shell find clinician_ui/src clinician_ui/index.html clinician_ui/*.ts clinician_ui/*.js -type f 2>/dev/null)
ARGS ?=
SEEDS ?= 200

.PHONY: demo test check simulate bench chaos soak ui pictures docs generate clean

demo: $(VENV)/.installed $(UI)
	@$(BIN)/rpm-service demo $(ARGS)

test: $(VENV)/.installed clinician_ui/node_modules/.installed $(UI)
	cd clinician_ui && npm test
	$(BIN)/pytest $(ARGS)

check: $(VENV)/.installed clinician_ui/node_modules/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint protos
	$(BIN)/buf format --diff --exit-code protos
	$(BIN)/buf breaking protos --against protos/released.binpb
	cd clinician_ui && npm run check

simulate: $(VENV)/.installed
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

bench: $(VENV)/.installed
	$(BIN)/python -m tests.benchmarks $(ARGS)

chaos: $(VENV)/.installed
	$(BIN)/python -m tests.chaos $(ARGS)

soak: $(VENV)/.installed
	$(BIN)/python -m tests.chaos.soak $(ARGS)

ui: $(UI)

generate: $(VENV)/.installed
	protos/generate.sh
	cd clinician_ui && npm run generate

pictures: $(VENV)/.installed $(UI)
	$(BIN)/python -m tests.browser.draw_pictures

docs: $(VENV)/.installed
	$(BIN)/python docs/draw_signals.py
	$(BIN)/python docs/draw_messages.py
	$(BIN)/python -m docs.draw_promises

clean:
	rm -rf build dist $(VENV) clinician_ui/node_modules rpm_service/adapters/web/static

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

clinician_ui/node_modules/.installed: clinician_ui/package.json clinician_ui/package-lock.json
	cd clinician_ui && npm ci --no-audit --no-fund --loglevel=error
	touch $@

$(UI): clinician_ui/node_modules/.installed $(UI_SOURCES)
	cd clinician_ui && npm run --silent build
	touch $@
