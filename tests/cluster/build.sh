#!/usr/bin/env bash
# build.sh FOLDER [PROGRAM...]: puts what a Kubernetes node runs into FOLDER: programs of Kubernetes (by default all of them), CoreDNS and Helm,
# built from Go modules; etcd, containerd, runc, CNI plug-ins and busybox from Debian's packages, where the machine has none. Needs Go and, for
# the packages, apt-get; installs nothing outside FOLDER. About 8 minutes and 2 GB of Go's cache the first time, less when Go still has what it
# built. What is there is kept; two at once wait for each other.
set -euo pipefail
out=$(realpath -m "$1"); shift
programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=(kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy)
version=1.34.4 helm=3.19.0 coredns=1.15.0
mkdir -p "$out/src"; cd "$out/src"
exec 9> "$out/.lock"; flock 9

# from PACKAGE WANTED...: unless all that is wanted is there, takes it (files or folders, by their path in the package) out of Debian's package.
from() {
  local package=$1 wanted; shift
  local all=yes; for wanted in "$@"; do [ -e "$out/${wanted##*/}" ] || all=; done
  [ -z "$all" ] || return 0
  command -v apt-get > /dev/null || { echo "$1 is missing, and there is no apt-get to fetch it from Debian's package $package" >&2; exit 1; }
  echo "Fetching $* from Debian's package $package into $out" >&2
  apt-get download -qq "$package" 2> /dev/null || { apt-get update -qq && apt-get download -qq "$package" 2> /dev/null; }
  dpkg-deb --extract "${package}"_*.deb extracted
  for wanted in "$@"; do rm -rf "${out:?}/${wanted##*/}"; mv "extracted/$wanted" "$out/"; done
  rm -r extracted "${package}"_*.deb
}

# go_program NAME VERSION PACKAGE: unless it is there, builds a program of a Go module of its own.
go_program() {
  [ ! -x "$out/$1" ] || return 0
  need_go "$1"
  echo "Building $1 $2 into $out (one to two minutes the first time)" >&2
  GOBIN="$out" go install -ldflags "-s -w" "$3@v$2"
}

need_go() {
  command -v go > /dev/null || { echo "Go is missing, with which $* is built: https://go.dev/dl" >&2; exit 1; }
}

command -v etcd > /dev/null || from etcd-server usr/bin/etcd
from containerd usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr
from runc usr/sbin/runc
from containernetworking-plugins usr/lib/cni
from busybox-static bin/busybox

missing=(); for program in "${programs[@]}"; do [ -x "$out/$program" ] || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then
  need_go "${missing[*]}"
  echo "Building ${missing[*]} of Kubernetes $version into $out (about 5 minutes the first time)" >&2
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
fi

go_program helm "$helm" helm.sh/helm/v3/cmd/helm
go_program coredns "$coredns" github.com/coredns/coredns
