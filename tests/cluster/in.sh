#!/usr/bin/env bash
# in.sh STATE COMMAND...: runs a command in the namespace of a cluster that up.sh has started, with its administrator's configuration.
set -euo pipefail
state=$(realpath "$1"); shift
KUBECONFIG="$state/admin.conf" exec nsenter --net="/run/netns/$(cat "$state/netns")" "$@"
