#!/usr/bin/env bash
# build.sh ARGUMENT...: runs `cargo build ARGUMENT...` and shows its progress in one line: on a terminal cargo's bar,
# elsewhere a new line at most every 30 seconds. The full output goes to the file build.log in the target folder. It is
# printed if the build fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder=${CARGO_TARGET_DIR:-target}
log=$folder/build.log
mkdir -p "$folder"
erase=
[ ! -t 1 ] || erase=$'\r\e[K'

# Reads cargo's output. Cargo ends its bar with a carriage return, and all other text with a line feed.
show() {
    local text bar next=$((SECONDS + 30))
    while IFS= read -r -d $'\r' text; do
        bar=${text##*$'\n'}
        printf '%s' "${text%"$bar"}" >&3
        if [ -n "$erase" ]; then
            printf '%s%s' "$erase" "$bar"
        elif [ "$SECONDS" -ge "$next" ]; then
            echo "$bar"
            next=$((SECONDS + 30))
        fi
    done 3>"$log"
    printf '%s' "$text" >>"$log"
    printf '%s' "$erase"
}

export CARGO_TERM_COLOR=never CARGO_TERM_PROGRESS_WHEN=always CARGO_TERM_PROGRESS_WIDTH=78
cargo build "$@" 2>&1 | show || { cat "$log"; exit 1; }
! grep -q Compiling "$log" || echo "built in $SECONDS s; cargo's output is in $log"
