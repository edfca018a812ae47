#!/usr/bin/env bash
# build.sh FOLDER [PROGRAM...]: puts what a Kubernetes node runs into FOLDER: programs of Kubernetes, CoreDNS and Helm (by default all of them),
# built from the Go modules that go.mod names; etcd, containerd, runc, CNI plug-ins and busybox from Debian's packages, where the machine has
# none. Needs Go and, for the packages, apt-get; installs nothing outside FOLDER. About 5 minutes and 2 GB of Go's cache the first time, less
# when Go still has what it built. What is there is kept; two at once wait for each other.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m "$1"); shift
programs=("$@")
[ ${#programs[@]} -gt 0 ] || programs=(kube-apiserver kubectl kube-controller-manager kube-scheduler kubelet kube-proxy coredns helm)
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

command -v etcd > /dev/null || from etcd-server usr/bin/etcd
from containerd usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr
from runc usr/sbin/runc
from containernetworking-plugins usr/lib/cni
from busybox-static bin/busybox

missing=(); for program in "${programs[@]}"; do [ -x "$out/$program" ] || missing+=("$program"); done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v go > /dev/null || { echo "Go is missing, with which ${missing[*]} are built: https://go.dev/dl" >&2; exit 1; }
echo "Building ${missing[*]} into $out (about 5 minutes the first time)" >&2
packages=(); for program in "${missing[@]}"; do
  case $program in
    helm) packages+=(helm.sh/helm/v3/cmd/helm) ;;
    coredns) packages+=(./coredns) ;;
    *) packages+=("k8s.io/kubernetes/cmd/$program") ;;
  esac
done
# The version in the binary is what clients decide by; without it kubectl and the API server call themselves v0.0.0.
version=$(sed -n 's|^\tk8s.io/kubernetes v\([0-9.]*\).*|\1|p' "$here/go.mod")
stamp="-X k8s.io/component-base/version.gitVersion=v$version -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34"
# Nobody debugs them: not to describe them to a debugger, and to collect the compiler's garbage seldom, saves a quarter of the time.
export GOGC=400 GOFLAGS=-mod=readonly
mkdir -p built
go build -C "$here" -buildvcs=false -gcflags=all=-dwarf=false -ldflags "-s -w $stamp" -o "$out/src/built/" "${packages[@]}"
mv built/* "$out/"
