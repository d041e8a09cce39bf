# One command each on a fresh machine with Python 3.11: `make run`, `make test`.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: run test screenshots lint bench clean

run: .venv/run.stamp
	$(BIN)/python app.py

test: .venv/dev.stamp browser lint
	$(BIN)/python -m pytest

# Accept the present look as the new baselines of the screenshot tests.
screenshots: .venv/dev.stamp browser
	NINE_PAPERS_ACCEPT_SCREENSHOTS=1 $(BIN)/python -m pytest tests/app/test_screenshots.py

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: .venv/dev.stamp
	$(BIN)/python -m pipelines.logicgates.benchmark

.venv/run.stamp: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or call make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/dev.stamp: .venv/run.stamp requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

.PHONY: browser
browser:
	@sh tests/app/install_browser.sh

clean:
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis tests/app/output
