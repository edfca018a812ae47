#!/usr/bin/env bash
# Fuzzes: run.sh SECONDS [TARGET...]. SECONDS for each target, all of them unless some are named, FUZZ_JOBS (2) at a time.
# FUZZ_SEED makes what is tried the same from run to run of the same code; without it each run tries other inputs.
# Prints a line a target; what is found, with its input and how to see it again, and then ends with 1.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."

one() {
    local target=$1 log=$work/$1.log found=$work/corpus/$1 status=0
    local options=(-max_total_time="$seconds" -rss_limit_mb=512 -timeout=5 -max_len=16384 -print_final_stats=1)
    [ ! -f "$work/seed/$target.dict" ] || options+=(-dict="$work/seed/$target.dict")
    [ -z "${FUZZ_SEED:-}" ] || options+=(-seed="$FUZZ_SEED")
    mkdir -p "$found" "$here/corpus/$target" "$work/seed/$target"
    "$programs/fuzz-$target" "${options[@]}" -artifact_prefix="$work/finding-$target-" \
        "$found" "$here/corpus/$target" "$work/seed/$target" >"$log" 2>&1 || status=$?
    local runs peak edges
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    peak=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    if [ "$status" = 0 ]; then
        echo "fuzz $target: $runs runs in $seconds s, $edges edges, peak $peak MiB, nothing found"
        return
    fi
    local input
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)
    echo "fuzz $target: FOUND something after ${runs:-?} runs; the log is $log"
    grep -m 1 -A 2 -e 'panicked at' -e 'ERROR: libFuzzer' "$log" | sed 's/^/    /' || true
    echo "    see it again: cargo run -p heddle-fuzz -- replay $target $input"
    echo "    keep it: cp $input tests/fuzz/regressions/$target/<what it shows>"
    return 1
}

if [ "${1:-}" = --one ]; then
    one "$2"
    exit
fi
seconds=$1
shift
programs=$("$here/build.sh")
work=${CARGO_TARGET_DIR:-target}/fuzz/work
rm -rf "$work/corpus" "$work/seed"
mkdir -p "$work"
# Built as `make test` builds all, whose crates are taken then: a test is named for the features that tests want.
cargo build --locked --quiet --workspace --bin heddle-fuzz --test replay
fuzz=${CARGO_TARGET_DIR:-target}/debug/heddle-fuzz
"$fuzz" seed "$work/seed"
[ $# -gt 0 ] || mapfile -t targets < <("$fuzz" targets)
[ $# -eq 0 ] || targets=("$@")
export programs work seconds
printf '%s\n' "${targets[@]}" | xargs -P "${FUZZ_JOBS:-2}" -I{} "$here/run.sh" --one {}
