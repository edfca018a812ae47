#!/usr/bin/env bash
# build.sh FOLDER [PROGRAM...]: puts programs of Kubernetes, built from Go modules, and etcd, from Debian's package, into FOLDER; by
# default kube-apiserver and kubectl; and Helm. Needs Go and, where no etcd is installed, apt-get; installs nothing outside FOLDER. About 4 minutes
# and 1.5 GB of Go's cache the first time, a minute when Go still has what it built. What is there is kept; two at once wait for each other.
set -euo pipefail
out=$(realpath -m "$1"); shift
programs=("$@"); [ ${#programs[@]} -gt 0 ] || programs=(kube-apiserver kubectl)
version=1.34.4
mkdir -p "$out/src"; cd "$out/src"
exec 9> "$out/.lock"; flock 9

if ! command -v etcd > /dev/null && [ ! -x "$out/etcd" ]; then
  command -v apt-get > /dev/null || { echo "etcd is missing, which kube-apiserver keeps its objects in: install it (https://etcd.io)" >&2; exit 1; }
  echo "Fetching etcd from Debian's package etcd-server into $out" >&2
  apt-get download -qq etcd-server 2> /dev/null || { apt-get update -qq && apt-get download -qq etcd-server; }
  dpkg-deb --extract etcd-server_*.deb etcd; mv etcd/usr/bin/etcd "$out/"; rm -r etcd etcd-server_*.deb
fi

helm=3.19.0
if [ ! -x "$out/helm" ]; then
  command -v go > /dev/null || { echo "Go is missing, with which Helm is built: https://go.dev/dl" >&2; exit 1; }
  echo "Building Helm $helm into $out (about a minute the first time)" >&2
  GOBIN="$out" go install "helm.sh/helm/v3/cmd/helm@v$helm"
fi

missing=(); for program in "${programs[@]}"; do [ -x "$out/$program" ] || missing+=("$program"); done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v go > /dev/null || { echo "Go is missing, with which ${missing[*]} is built: https://go.dev/dl" >&2; exit 1; }
echo "Building ${missing[*]} of Kubernetes $version into $out (about 4 minutes the first time)" >&2
[ -f go.mod ] || go mod init cluster
mod=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
# The module names its parts as v0.0.0; each is published under the version of the same release.
for part in $(grep -E 'k8s.io/[a-z0-9-]+ v0\.0\.0$' "$mod" | awk '{print $1}' | sort -u); do
  go mod edit -replace "$part=$part@v0.${version#1.}"
done
go mod edit -require "k8s.io/kubernetes@v$version"
{ printf '//go:build tools\n\npackage tools\n\nimport (\n'; printf '\t_ "k8s.io/kubernetes/cmd/%s"\n' "${missing[@]}"; echo ')'; } > tools.go
go mod tidy -e > tidy.log 2>&1 || true
# The version in the binary is what clients decide by; without it kubectl and the API server call themselves v0.0.0.
stamp="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
mkdir -p built
go build -ldflags "-s -w $stamp" -o built/ "${missing[@]/#/k8s.io/kubernetes/cmd/}"
mv built/* "$out/"
