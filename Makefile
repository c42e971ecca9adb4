# Every target needs only Python 3.11 or newer, and make.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/toy_en_fr
BIN = $(VENV)/bin
BIOME = npx --yes @biomejs/biome@2.6.8 lint --error-on-warnings
JOIN = import sys; from pathlib import Path; from xattn.viewing.page.assembly import LAYOUTS, script; \
	[Path(sys.argv[1], f"{name}.js").write_text(script(name), encoding="utf-8") for name in LAYOUTS]
TEST = $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

.PHONY: toy test lint lint-page check wheel-check clean

# Trains the English-French toy, scores it, and shows its attention. After an interruption it resumes.
toy: $(VENV)/installed
	$(BIN)/xattn train configs/toy_en_fr.py --run $(RUN)
	$(BIN)/xattn evaluate $(RUN)
	$(BIN)/xattn view $(RUN) "the quick brown fox"
	$(BIN)/xattn view $(RUN) "the quick brown fox" --format png --output $(RUN)/figures/fox.png

# The whole test suite, or TESTS, a part of it; most of its time is compiling, one core a program.
test: $(VENV)/installed
	$(TEST) $(TESTS)

# Style, types, and the floors of the house.
lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-logo

# Lints the scripts of the HTML page with Biome, which needs Node.js: file by file, and joined as in a page, where all
# names must be declared.
lint-page: $(VENV)/installed
	@if ! command -v npx > /dev/null; then echo "lint-page is skipped: there is no npx (it comes with Node.js)"; exit; fi; \
	set -e; $(BIOME); joined=$$(mktemp -d); trap 'rm -r '$$joined EXIT; \
	$(BIN)/python -c '$(JOIN)' $$joined; cd $$joined; \
	$(BIOME) --only=correctness/noUndeclaredVariables .; $(BIOME) --only=correctness/noUnusedVariables words.js grid.js

# What a change must pass before it is committed.
check: lint lint-page
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
