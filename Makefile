# Every target needs only Python 3.11 or newer, and make.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/toy_en_fr
BIN = $(VENV)/bin
TEST = $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

.PHONY: toy test lint check wheel-check clean

# Trains the English-French toy, scores it, and shows its attention. After an interruption it resumes.
toy: $(VENV)/installed
	$(BIN)/xattn train configs/toy_en_fr.py --run $(RUN)
	$(BIN)/xattn evaluate $(RUN)
	$(BIN)/xattn view $(RUN) "the quick brown fox"
	$(BIN)/xattn view $(RUN) "the quick brown fox" --format png --output $(RUN)/figures/fox.png

# The whole test suite; most of its time is compiling, one core a program.
test: $(VENV)/installed
	$(TEST)

# Style, types, and the floors of the house.
lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

# What a change must pass before it is committed.
check: lint
	$(TEST)

# The quick start, from a wheel in an empty environment outside the checkout.
wheel-check: $(VENV)/installed
	.ci/wheel $(BIN)/python

$(VENV)/installed: pyproject.toml setup.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache build dist
