# Everything that is done with a checkout, by people and by machines. `make` alone lists it.
#
# .ci/cargo is cargo with the prepared RocksDB archive; see CONTRIBUTING.md.

.DEFAULT_GOAL := help
.PHONY: help setup archive build release sbom demo demo-stop test check febrl clean-demo

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what the machine lacks (Debian packages)
	@.ci/setup

archive: setup ## build RocksDB once per machine, about 13 minutes; later calls only verify it
	@.ci/rocksdb-archive >/dev/null

build: archive ## build the program: target/release/empi
	.ci/cargo build --locked --release --package empi

sbom: ## write what the program is built of (CycloneDX): target/empi.cdx.json
	@.ci/cargo xtask sbom

release: build sbom ## the program with its bill of materials and the checksums of both: target/release-files
	rm -rf target/release-files && mkdir -p target/release-files
	cp target/release/empi target/empi.cdx.json target/release-files/
	cd target/release-files && sha256sum empi empi.cdx.json > SHA256SUMS && sha256sum --check SHA256SUMS

demo: ## link FEBRL and a generated set, print the quality, and serve an index on 127.0.0.1:7311
	@.ci/demo

demo-stop: ## stop what `make demo` started
	@.ci/demo stop

# The integration tests drive the program itself: building it first keeps that out of their time. The bill of materials
# names the crates of every platform, and its test looks at them without a network.
test: archive ## run every test
	@.ci/setup tests
	.ci/cargo fetch --locked
	.ci/cargo build --locked --workspace --bins
	@if .ci/cargo nextest --version >/dev/null 2>&1; then \
	    set -x; \
	    .ci/cargo nextest run --locked --workspace && .ci/cargo test --locked --workspace --doc; \
	else \
	    set -x; \
	    .ci/cargo test --locked --workspace; \
	fi

check: archive ## before a commit: format, lints, house rules, crates, fast tests
	@.ci/cargo xtask check

febrl: setup ## fetch the FEBRL data sets into datasets/febrl
	datasets/fetch-febrl

clean-demo: demo-stop ## remove what `make demo` made
	rm -rf .demo
