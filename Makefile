# Tenantry's everyday commands; `make` alone lists them. Everything is plain cargo and the scripts in scripts/: nothing here is
# needed to understand the project, only to type less.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# rustup puts cargo here, and into shell profiles that not every shell reads.
export PATH := $(PATH):$(or $(CARGO_HOME),$(HOME)/.cargo)/bin

# dev: 4 minutes for the first build, quick afterwards. `make run PROFILE=release` takes twice as long and serves faster.
PROFILE ?= dev
# Arguments for the program that a target runs: make run ARGS='--config my.toml', make test ARGS='-p tenantry-domain'.
ARGS ?=
# The server that `make demo` talks to.
URL ?= http://127.0.0.1:8080

TARGET := $(or $(CARGO_TARGET_DIR),target)
BIN := $(TARGET)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))

# Always --workspace: cargo decides a dependency's features over the selected packages, so another selection (-p …) would compile
# some dependencies once more. --bin then limits what is built, so that `make run` compiles no test crates.
BUILD = cargo build --locked --workspace --profile $(PROFILE)

DRILLS = processes::drill:: processes::failover_postgres:: processes::outage_ processes::disk_full:: processes::clock_jumps:: \
    processes::receivers:: processes::hostile:: processes::rolling:: processes::freezes:: processes::hangs:: \
    processes::log_streams:: processes::own_mail_server::

##@ Use
.PHONY: run demo config clean-data
# On a developer's machine webhooks may call receivers on this machine (`make demo` has some); a server started otherwise refuses to. And
# organizations may use everything.
run: export TENANTRY__EGRESS__ALLOW_NETWORKS ?= 127.0.0.0/8,::1/128
run: export TENANTRY__ORGANIZATIONS__TIER ?= tier_pro
run: build ## Install what the build needs, build, and start Tenantry on its embedded default (PROFILE=release, ARGS=…)
	@exec $(BIN)/tenantry-api $(ARGS)

demo: deps ## Play the main job against a running server and print each step (URL=http://127.0.0.1:8080)
	$(BUILD) --bin demo --bin tenantry-api
	@exec $(BIN)/demo $(URL) $(ARGS)

config: ## Print the default configuration: every key, commented
	@cat deploy/config/default.toml

clean-data: ## Delete the embedded default's data: database, master key, mails (asks for CONFIRM=yes)
	@scripts/clean-data.sh $(CONFIRM)

##@ Build and check
.PHONY: deps build test drill bench fmt lint ci openapi sdk image soak
deps: ## Install the system packages that the build needs, if missing (says what and why)
	@scripts/install-deps.sh build
	@source scripts/lib.sh && need_cargo

build: deps ## Build tenantry-api and tenantry-worker (PROFILE=dev|release|dist)
	$(BUILD) --bin tenantry-api --bin tenantry-worker

test: deps ## Run all tests, on SQLite and on a private PostgreSQL and Redis (ARGS='-p tenantry-store name')
	@scripts/install-deps.sh test
	@# tests/all/processes runs the binaries themselves.
	cargo build --locked --workspace --bin tenantry-api --bin tenantry-worker
	scripts/with-services.sh cargo test --locked $(or $(ARGS),--workspace)

# The long forms of tests/all/processes: how many rounds of each. A variable of the environment wins (TENANTRY_DRILL_ROUNDS=1000 make drill).
drill: export TENANTRY_DRILL_ROUNDS ?= 200
drill: export TENANTRY_DRILL_FAILOVERS ?= 10
drill: export TENANTRY_DRILL_OUTAGES ?= 20
drill: export TENANTRY_DRILL_FLUSHES ?= 1000
drill: export TENANTRY_DRILL_FULL ?= 20
drill: export TENANTRY_DRILL_JUMPS ?= 30
drill: export TENANTRY_DRILL_EVENTS ?= 40
drill: export TENANTRY_DRILL_CONNECTIONS ?= 20000
drill: export TENANTRY_DRILL_READERS ?= 400
drill: export TENANTRY_DRILL_ROLLS ?= 5
drill: export TENANTRY_DRILL_FREEZES ?= 100
drill: export TENANTRY_DRILL_HANGS ?= 10
drill: deps ## Crash, outage and overload drills in their long form, with their figures (ARGS=processes::rolling: one of them)
	@scripts/install-deps.sh test
	cargo build --locked --workspace --bin tenantry-api --bin tenantry-worker
	scripts/with-services.sh cargo test --locked --workspace --test all -- --nocapture --test-threads=1 $(or $(ARGS),$(DRILLS))

bench: export TENANTRY_TEST_PG_BUFFERS ?= 1GB
bench: deps ## Measure, beside floors, on a private PostgreSQL and Redis: 10 minutes (ARGS='org-read login --rounds 1'; ARGS='--against DIR': beside another build's binaries)
	@scripts/install-deps.sh test
	cargo build --locked --workspace --release --bin tenantry-api --bin tenantry-worker --bin bench
	scripts/with-services.sh $(TARGET)/release/bench --binaries $(TARGET)/release $(ARGS)

soak: deps ## Watch the memory of PostgreSQL's backends, the API and the worker under mixed load: an hour (ARGS='--minutes 10')
	@scripts/install-deps.sh test
	cargo build --locked --workspace --release --bin tenantry-api --bin tenantry-worker --bin bench
	scripts/with-services.sh $(TARGET)/release/bench --binaries $(TARGET)/release soak $(ARGS)

fmt: ## Format the code
	@source scripts/lib.sh && need_cargo fmt
	cargo fmt --all

lint: deps ## Run clippy over everything, warnings denied
	@source scripts/lib.sh && need_cargo clippy
	cargo clippy --workspace --all-targets --locked -- -D warnings

ci: ## Everything that a change has to pass
	@.ci/run

openapi: build ## Write the OpenAPI document to target/openapi.json
	@$(BIN)/tenantry-api openapi >$(TARGET)/openapi.json.new
	@mv $(TARGET)/openapi.json.new $(TARGET)/openapi.json
	@echo "$(TARGET)/openapi.json"

sdk: openapi ## Build, test and pack the TypeScript SDK (libs/sdk-typescript) of this server's OpenAPI document
	@scripts/install-deps.sh sdk
	@scripts/sdk.sh $(TARGET)/openapi.json

image: deps ## Build the container image and play a container's life with it, without a registry (as root; ARGS=dist: as shipped)
	@scripts/install-deps.sh image
	@scripts/check-image.sh $(ARGS)

##@ Attack
.PHONY: fuzz fuzz-api timing spectral
fuzz: deps ## Let libFuzzer attack the parsers of hostile input (ARGS='jwt 600': a target, or all, and seconds)
	@scripts/fuzz.sh $(ARGS)

fuzz-api: build ## Run schemathesis over the whole OpenAPI document, on both databases (ARGS=examples per operation)
	@scripts/install-deps.sh test
	$(BUILD) --bin everything
	@scripts/fuzz-api.sh $(BIN)/tenantry-api $(ARGS)

timing: deps ## Measure whether answers take longer for addresses that have an account (T40; a quiet machine, three minutes)
	$(BUILD) --bin timing
	@scripts/with-services.sh $(BIN)/timing

spectral: openapi ## Hold the OpenAPI document against Spectral's rules
	@scripts/spectral.sh $(TARGET)/openapi.json

##@ Help
.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
