# What this project can do. `make` alone lists it. No root needed; works as root too.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

SERVERS := tests/testbed/servers.sh
# Both majors under test, the first whose standbys have slots, the first whose slots go along in a failover, and Kafka, fetched if the machine has them not; a failing fetch ends the recipe.
WITH_SERVERS = SLUICE_PG15=$$($(SERVERS) pg 15); SLUICE_PG16=$$($(SERVERS) pg 16); SLUICE_PG17=$$($(SERVERS) pg 17); SLUICE_PG18=$$($(SERVERS) pg 18); \
  SLUICE_KAFKA=$$($(SERVERS) kafka); export SLUICE_PG15 SLUICE_PG16 SLUICE_PG17 SLUICE_PG18 SLUICE_KAFKA
CARGO_TEST = cargo test --workspace --features replicator/failpoints
# Limits of wall time, on two cores, the build not counted.
TEST_LIMIT ?= 60m
SOAK_LIMIT ?= 6h
# Tests against servers mostly wait: on two cores 489 of them took 12 minutes four at a time, and 380 took 14 two at a time.
export RUST_TEST_THREADS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 2)))
# Of each fuzz target.
FUZZ_SECONDS ?= 60

.PHONY: help build release test soak fuzz demo bench fmt lint doc deny ci clean needs

help: ## this list
	@sed -nE 's/^([a-z]+):[^#]*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 18

needs:
	@have() { command -v "$$1" >/dev/null; }; \
	  have cargo || { echo "cargo is missing. Rust comes by:  curl https://sh.rustup.rs -sSf | sh   (or your system's rustup)" >&2; exit 1; }; \
	  have cc || have gcc || { echo "a C compiler is missing (ring, TLS):  apt-get install gcc libc6-dev" >&2; exit 1; }

build: needs ## the binary, for debugging: target/debug/sluice
	cargo build --workspace

release: needs ## the binary, for use: target/release/sluice
	cargo build --release --bin sluice

test: needs ## every test, against real PostgreSQL 15, 18 and a little 16 and 17, and Kafka (FILTER=name for some of them, SEED=n for another run)
	@$(WITH_SERVERS); \
	  $(CARGO_TEST) --no-run; \
	  timeout --foreground --kill-after=10 $(TEST_LIMIT) $(CARGO_TEST) -- $(FILTER) || { code=$$?; \
	    [ $$code != 124 ] || echo "make test: not done within $(TEST_LIMIT)" >&2; exit $$code; }

soak: needs ## the long versions of the random tests and of what masks claim, optimised (SOAK_LIMIT=6h)
	@$(WITH_SERVERS); \
	  $(CARGO_TEST) --release --no-run; \
	  SLUICE_SOAK=1 timeout --foreground --kill-after=10 $(SOAK_LIMIT) $(CARGO_TEST) --release --test masks --test fold --test it -- --include-ignored --nocapture $(FILTER)

fuzz: needs ## libFuzzer on what parses bytes that are not ours (FUZZ_SECONDS=60 each, TARGETS="pgoutput masks")
	@PATH="$(CURDIR)/target/tools/bin:$$PATH"; export RUSTC_BOOTSTRAP=1; \
	  command -v cargo-fuzz >/dev/null || { echo "installing cargo-fuzz into target/tools, once"; \
	    cargo install --locked --quiet --root target/tools cargo-fuzz@0.13.2; }; \
	  for target in $(or $(TARGETS),$$(cargo fuzz list)); do \
	    mkdir -p "fuzz/corpus/$$target" "fuzz/corpus-found/$$target"; \
	    [ "$$target" != config ] || cp deploy/*.yaml deploy/demo/*.yaml fuzz/corpus-found/config/; \
	    echo "==> $$target"; \
	    cargo fuzz run "$$target" "fuzz/corpus-found/$$target" "fuzz/corpus/$$target" -- -max_total_time=$(FUZZ_SECONDS); \
	  done

demo: needs ## production and staging on this machine, with a replicator between them that gets killed (KAFKA=1: a topic, too)
	@deploy/demo/run.sh

bench: release ## sluice beside native replication (PEERS="native sluice" WORKLOADS="insert oltp" SCALE=1 REPEAT=3)
	@benches/end_to_end/run.sh $(or $(PEERS),native sluice sluice_masked) -- $(or $(WORKLOADS),insert oltp update mixed bigtx wide snapshot latency)

fmt: needs ## rewrites every file as rustfmt wants it
	cargo fmt --all

lint: needs ## how rustfmt wants it, and clippy; warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features replicator/failpoints -- -D warnings

doc: needs ## the code's documentation, warnings are errors
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

deny: needs ## licenses, sources and banned crates of the dependencies
	@PATH="$(CURDIR)/target/tools/bin:$$PATH"; \
	  command -v cargo-deny >/dev/null || { echo "installing cargo-deny into target/tools, once"; \
	    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	    cargo install --locked --quiet --root target/tools cargo-deny@0.20.2; }; \
	  cargo deny --workspace check bans licenses sources

ci: ## what the checks of a change run
	@.ci/run

clean: ## removes what was built and what the demo left
	rm -rf target demo-out
