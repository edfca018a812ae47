#!/usr/bin/env bash
# Builds libFuzzer's programs and prints the folder they are in. Stable Rust will do: the compiler's coverage pass is asked
# for by hand. The flags are other than those of everything else, so the target folder is too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v c++ >/dev/null || { echo "A C++ compiler is missing, which libFuzzer needs: apt-get install g++" >&2; exit 1; }
host=$(rustc -vV | sed -n 's/^host: //p')
folder=${CARGO_TARGET_DIR:-target}/fuzz
flags="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
flags+=" -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
RUSTFLAGS=$flags cargo build --locked --quiet -p heddle-fuzz --bin 'fuzz-*' --features engine --profile fuzz \
    --target "$host" --target-dir "$folder" >&2
echo "$folder/$host/fuzz"
