#!/usr/bin/env bash
# The long runs, a line a part: every test in release with PROPTEST_CASES (20000) cases, HEDDLE_HOSTILE_MESHES (100000)
# random meshes on Envoy from HEDDLE_HOSTILE_SEED (1) on, for HEDDLE_HOSTILE_SECONDS (7200) at most, after which the seed
# to go on with is printed, FUZZ_SECONDS (1800) of fuzzing for each target, SOAK_STORMS (24) storms of edits on the demo's
# traffic, and the fleet. The logs stay in the target folder.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
target=${CARGO_TARGET_DIR:-target}
logs=$target/soak
mkdir -p "$logs"
failed=0

# part NAME SUMMARY COMMAND...: runs the command; SUMMARY reads its log and says in a line what came of it.
part() {
    local name=$1 summary=$2 start=$SECONDS result=passed
    shift 2
    "$@" >"$logs/$name.log" 2>&1 || { result=FAILED failed=1; }
    echo "soak $name: $result after $((SECONDS - start)) s: $("$summary" "$logs/$name.log")"
    [ "$result" = passed ] || echo "    the log is $logs/$name.log"
}

tests() {
    awk '/^test result:/ { passed += $4; failed += $6; programs++ }
        END { printf "%d tests of %d programs passed, %d failed\n", passed, programs, failed }' "$1"
}
meshes() { grep 'the next seed is' "$1"; }
last_line() { tail -1 "$1"; }
whole() { echo; grep -E '^ *(fuzz|see|keep|thread)' "$1"; }

part tests tests env HEDDLE_KUBECTL_EVERY=1 HEDDLE_HOSTILE_MESHES=1000 HEDDLE_HOSTILE_ANNOTATIONS=10000 PROPTEST_CASES="${PROPTEST_CASES:-20000}" cargo test --locked --release --workspace --no-fail-fast
part meshes meshes env HEDDLE_HOSTILE_MESHES="${HEDDLE_HOSTILE_MESHES:-100000}" \
    HEDDLE_HOSTILE_SECONDS="${HEDDLE_HOSTILE_SECONDS:-7200}" \
    cargo test --locked --release --workspace --test envoy_accepts -- --nocapture
part fuzz whole tests/fuzz/run.sh "${FUZZ_SECONDS:-1800}"
part load last_line "$target/release/latency" --storms "${SOAK_STORMS:-24}"
part fleet last_line make --no-print-directory bench-fleet
exit "$failed"
