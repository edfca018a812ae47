#!/usr/bin/env bash
# Counts what heddled does under load, and leaves the counts in heddled.profdata beside this file, by which it is laid out
# where it is built to be shipped (docs/adr/017-laid-out-by-use.md). It is built with counters for that, the fleet plays its sidecars
# against it, and LLVM's own tool adds up. Some twenty minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

host=$(rustc -vV | sed -n 's/^host: //p')
adds=$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata
test -x "$adds" || { echo "llvm-profdata is missing: rustup component add llvm-tools"; exit 1; }

target=${CARGO_TARGET_DIR:-target}
# As it is shipped but for the counters: functions are known by names that depend on how they are built. What cargo runs
# while it builds counts too, and is not wanted.
RUSTFLAGS=-Cprofile-generate LLVM_PROFILE_FILE=/dev/null \
    cargo build --locked --profile dist -p heddled --target-dir "$target/counted"
cargo build --locked --release -p heddlectl -p heddle-fleet

counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT
play() {
    # It fails when a bar is not met, which with counters means nothing.
    LLVM_PROFILE_FILE="$counts/%p.profraw" \
        "$target/release/heddle-fleet" --heddled "$target/counted/dist/heddled" --rounds 30 "$@" || test $? -eq 1
}
play connect endpoint virtual-service destination-rule
play storm rate
play --tls endpoint virtual-service
play --vhds off virtual-service

test "$(find "$counts" -name '*.profraw' | wc -l)" -eq 4 || { echo "not every run left its counts"; exit 1; }
"$adds" merge --sparse --output deploy/heddled.profdata "$counts"/*.profraw
ls -l deploy/heddled.profdata
