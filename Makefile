# make run     install and start the server                 make lint    ruff, mypy, import rules
# make test    everything that must hold, phones included   make bench   measure the server on this machine
# make lock    choose the versions of all dependencies anew

VENV   ?= .venv
CONFIG ?= config/voipbin.yaml
BIN    := $(VENV)/bin
TEST_PROCESSES ?= 4
STAGE  := @scripts/stage.sh
INPUTS := pyproject.toml requirements-lock.txt scripts/venv.sh scripts/python.sh

.PHONY: run test lint bench lock phones clean
.NOTPARALLEL:

run: $(VENV)/.installed
	@$(BIN)/voipbin-sip extensions --config $(CONFIG)
	@exec $(BIN)/voipbin-sip serve --config $(CONFIG)

# pytest comes last and outside of a stage: its summary is the last line.
test: $(VENV)/.installed-test phones lint
	@printf '== tests\n'
	@$(BIN)/python -m pytest -rs -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(VENV)/.installed-test
	$(STAGE) 'ruff check' $(BIN)/ruff check
	$(STAGE) 'ruff format' $(BIN)/ruff format --check
	$(STAGE) 'mypy' $(BIN)/mypy
	$(STAGE) 'import rules' $(BIN)/lint-imports --no-cache

bench: $(VENV)/.installed-test
	@PYTHON=$(abspath $(BIN))/python bench/run.sh $(CASES)

phones:
	$(STAGE) 'phones' scripts/phones.sh

lock:
	@scripts/lock.sh

clean:
	rm -rf $(VENV) .phones

$(VENV)/.installed: $(INPUTS)
	$(STAGE) 'install' scripts/venv.sh $(VENV)
	@touch $@

$(VENV)/.installed-test: $(INPUTS)
	$(STAGE) 'install' scripts/venv.sh $(VENV) test
	@touch $@ $(VENV)/.installed
