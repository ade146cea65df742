# Thin: every target calls the ordinary tools, and says first what is missing.

RELEASE := $(abspath $(or $(CARGO_TARGET_DIR),target))/release
GATELET := $(RELEASE)/gatelet
SHOP := --policy shop.yaml --requests requests.jsonl

# How to get each tool that a target may need.
how_cargo := install Rust with rustup: https://rustup.rs
how_cc := install a C compiler, which Rust links with: `apt install gcc`, `dnf install gcc`, `xcode-select --install`
how_cargo-fmt := rustup component add rustfmt
how_cargo-clippy := rustup component add clippy
how_redis-server := install Redis: `apt install redis-server`, `dnf install redis`, `brew install redis`
how_valgrind := install valgrind, which counts instructions: `apt install valgrind`, `dnf install valgrind`
# $(call need,tools): stops, naming every one that is not there.
need = @missing=; $(foreach tool,$(1),command -v $(tool) >/dev/null || { missing=1; printf 'missing: %s (%s)\n' '$(tool)' '$(how_$(tool))' >&2; };) [ -z "$$missing" ]

# Without it tests run, and say by name what they leave out.
want = @$(foreach tool,$(1),command -v $(tool) >/dev/null || printf 'some tests are skipped without %s (%s)\n' '$(tool)' '$(how_$(tool))' >&2;) true

.PHONY: help demo tools test test-all test-loom lint doc fmt bench bench-quick bench-count bench-store

help:
	@echo 'make demo         build the command line and decide the requests of examples/shop'
	@echo 'make tools        install redis-server, which tests of shared limits start'
	@echo 'make test         format, lints, every test, documentation'
	@echo 'make test-all     the same, with the tests that take long'
	@echo 'make test-loom    what threads share in limits, in every order, with a model checker'
	@echo 'make bench        measure decisions and loads: criterion, then a table of all'
	@echo 'make bench-quick  the table alone, each figure measured a tenth as long'
	@echo 'make bench-count  count the instructions of a decision, with valgrind'
	@echo 'make bench-store  measure limits that are counted in a Redis server'
	@echo 'make fmt          format the code'
	@echo 'make lint         what does not need to run the code: format and lints'

demo:
	$(call need,cargo cc)
	cargo build --release --locked --package gatelet-cli
	@cd examples/shop && $(GATELET) decide $(SHOP) --format table
	@echo
	@echo 'The policy is examples/shop/shop.yaml. Why a request is decided as it is:'
	@echo '  cd examples/shop && $(GATELET) explain --policy shop.yaml \'
	@echo "    --request '{\"method\": \"GET\", \"path\": \"/t/acme/orders\", \"principal\": {\"id\": \"kim@shop.example\"}}'"

# With the rights that it needs: root's, or by sudo without a question.
tools:
	@command -v redis-server >/dev/null || { \
	  command -v apt-get >/dev/null || { echo 'missing: redis-server ($(how_redis-server))' >&2; exit 1; }; \
	  if [ "$$(id -u)" = 0 ]; then apt-get update && apt-get install -y redis-server; \
	  else sudo -n apt-get update && sudo -n apt-get install -y redis-server; fi; }

test: lint
	$(call need,cargo cc)
	$(call want,redis-server)
	cargo test --workspace --locked
	$(MAKE) doc

# The tests themselves look at GATELET_LONG.
test-all: export GATELET_LONG = 1
test-all: test test-loom

# In a folder of its own: the flag would have everything built anew, and then again without it.
test-loom: export RUSTFLAGS = --cfg loom
test-loom: export CARGO_TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)/loom
test-loom:
	$(call need,cargo cc)
	cargo test --release --locked --package gatelet-loom

lint:
	$(call need,cargo cargo-fmt cargo-clippy cc)
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

doc: export RUSTDOCFLAGS = -D warnings
doc:
	cargo doc --workspace --no-deps --locked

fmt:
	$(call need,cargo cargo-fmt)
	cargo fmt --all

# Figures are for reading, and for comparing within one run: no test looks at a clock.
bench:
	$(call need,cargo cc)
	cargo bench --locked --package gatelet-benches --bench decide --bench load
	cargo run --release --locked --package gatelet-benches --bin report

bench-quick:
	$(call need,cargo cc)
	cargo run --release --locked --package gatelet-benches --bin report -- --quick

bench-count:
	$(call need,cargo cc valgrind)
	cargo build --release --locked --package gatelet-benches --bin count
	@$(RELEASE)/count

bench-store:
	$(call need,cargo cc redis-server)
	cargo run --release --locked --package gatelet-benches --bin store
