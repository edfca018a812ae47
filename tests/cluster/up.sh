#!/usr/bin/env bash
# up.sh STATE BIN: starts etcd and kube-apiserver in a network namespace of their own, and returns when they answer (about 3 s).
# Needs root, etcd (Debian: etcd-server), openssl, iproute2, and kube-apiserver in BIN (build.sh). Nothing is scheduled or run: this is
# the API alone. in.sh runs a command beside it, down.sh takes everything back.
set -euo pipefail
state=$(realpath -m "$1"); bin=$(realpath "$2"); here=$(dirname "$(realpath "$0")")
[ ! -e "$state/netns" ] || { echo "$state is up already" >&2; exit 1; }
mkdir -p "$state"/{pki,log,etcd}
name=heddle-$(basename "$state")-$$
ip netns add "$name"; echo "$name" > "$state/netns"
trap '"$here/down.sh" "$state"' ERR
nsenter --net="/run/netns/$name" ip link set lo up

cd "$state/pki"
ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
openssl req -x509 "${ec[@]}" -keyout ca.key -out ca.crt -subj /CN=kube-ca -days 30 2>/dev/null
sign() { # name, subject, alternative names
  openssl req "${ec[@]}" -keyout "$1.key" -out "$1.csr" -subj "$2" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -days 30 2>/dev/null \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3")
}
sign apiserver /CN=kube-apiserver DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1
sign admin /O=system:masters/CN=admin DNS:admin
openssl genrsa -out sa.key 2048 2>/dev/null
cat > "$state/admin.conf" <<CONFIG
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $state/pki/ca.crt}}]
users: [{name: u, user: {client-certificate: $state/pki/admin.crt, client-key: $state/pki/admin.key}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
CONFIG

start() { # name, command...
  local name=$1; shift
  setsid nsenter --net="/run/netns/$(cat "$state/netns")" "$@" > "$state/log/$name.log" 2>&1 < /dev/null &
  echo $! > "$state/$name.pid"
}
start etcd etcd --data-dir "$state/etcd" --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
  --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
start apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --advertise-address=127.0.0.1 \
  --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key --client-ca-file=ca.crt --service-cluster-ip-range=10.96.0.0/16 \
  --service-account-key-file=sa.key --service-account-signing-key-file=sa.key \
  --service-account-issuer=https://kubernetes.default.svc --authorization-mode=RBAC \
  --disable-admission-plugins=ServiceAccount --endpoint-reconciler-type=none
for _ in $(seq 300); do
  kill -0 "$(cat "$state/apiserver.pid")" || { tail -5 "$state/log/apiserver.log" >&2; false; }
  if "$here/in.sh" "$state" kubectl get --raw /readyz > /dev/null 2>&1; then exit 0; fi
  sleep 0.2
done
echo "kube-apiserver does not answer; see $state/log" >&2
false
