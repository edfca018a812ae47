#!/usr/bin/env bash
# Takes what the last run found new into the committed corpora: for each target the fewest, smallest inputs that reach as
# much. Inputs of more than 4 KiB stay out.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$here/../.."
programs=$("$here/build.sh")
work=${CARGO_TARGET_DIR:-target}/fuzz/work
for folder in "$work"/corpus/*/; do
    target=$(basename "$folder")
    rm -rf "$work/merged"
    mkdir -p "$work/merged" "$here/corpus/$target"
    "$programs/fuzz-$target" -merge=1 -max_len=4096 -timeout=5 -rss_limit_mb=512 \
        "$work/merged" "$here/corpus/$target" "$folder" >"$work/$target.merge.log" 2>&1
    rm -rf "${here:?}/corpus/$target"
    mv "$work/merged" "$here/corpus/$target"
    echo "corpus/$target: $(find "$here/corpus/$target" -type f | wc -l) inputs, $(du -sb "$here/corpus/$target" | cut -f1) bytes"
done
