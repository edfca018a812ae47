#!/usr/bin/env bash
# down.sh STATE: stops what up.sh started, by the process ids that it wrote, and removes the namespace and the folder.
state=$(realpath "$1")
for name in apiserver etcd; do
  pid=$(cat "$state/$name.pid" 2>/dev/null) || continue
  kill "$pid" 2>/dev/null
  for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
  kill -9 "$pid" 2>/dev/null
done
[ ! -e "$state/netns" ] || ip netns del "$(cat "$state/netns")"
rm -rf "$state"
