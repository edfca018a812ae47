#!/usr/bin/env bash
# build.sh FOLDER [PROGRAM...]: builds programs of Kubernetes from Go modules into FOLDER; by default kube-apiserver and kubectl.
# About 4 minutes the first time, seconds afterwards, because Go keeps what it has built.
set -euo pipefail
out=$(realpath -m "$1"); shift
programs=("$@"); [ ${#programs[@]} -gt 0 ] || programs=(kube-apiserver kubectl)
version=1.34.4
mkdir -p "$out/src"; cd "$out/src"
[ -f go.mod ] || go mod init cluster
mod=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
# The module names its parts as v0.0.0; each is published under the version of the same release.
for part in $(grep -E 'k8s.io/[a-z0-9-]+ v0\.0\.0$' "$mod" | awk '{print $1}' | sort -u); do
  go mod edit -replace "$part=$part@v0.${version#1.}"
done
go mod edit -require "k8s.io/kubernetes@v$version"
{ printf '//go:build tools\n\npackage tools\n\nimport (\n'; printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' "${programs[@]}"; echo ')'; } > tools.go
go mod tidy -e > tidy.log 2>&1 || true
# The version in the binary is what clients decide by; without it kubectl and the API server call themselves v0.0.0.
stamp="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
go build -ldflags "-s -w $stamp" -o "$out/" "${programs[@]/#/k8s.io/kubernetes/cmd/}"
