# Every target needs only Python 3.11 or newer, and make.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/toy_en_fr
BIN = $(VENV)/bin
TEST = $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

.PHONY: toy test check clean

# Trains the English-French toy, scores it, and shows what it looks at. Interrupted, it goes on where it stopped.
toy: $(VENV)/installed
	$(BIN)/xattn train configs/toy_en_fr.py --run $(RUN)
	$(BIN)/xattn evaluate $(RUN)
	$(BIN)/xattn view $(RUN) "the quick brown fox"
	$(BIN)/xattn view $(RUN) "the quick brown fox" --format png --output $(RUN)/figures/fox.png

# The whole test suite; most of its time is compiling, one core a program.
test: $(VENV)/installed
	$(TEST)

# What a change must pass before it is committed.
check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(TEST)

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis
