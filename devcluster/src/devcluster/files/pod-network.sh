#!/bin/bash
# Gives this node's pods addresses and the way to the pods of the other nodes. Runs at every boot,
# since a restart loses routes, and whenever devcluster has written /etc/leadsman/pod-network:
# the node's own CIDR on the first line, then `CIDR ADDRESS` for every other node.
set -euo pipefail
table=/etc/leadsman/pod-network
cluster_cidr=10.244.0.0/16
service_cidr=10.96.0.0/16

# What kube-proxy has not (yet) turned into a pod's address must not leave the node: somebody
# outside could answer, and the API server would keep that connection for good.
for chain in OUTPUT FORWARD; do
  refuse=("$chain" -d "$service_cidr" -j REJECT)
  iptables -C "${refuse[@]}" 2>/dev/null || iptables -A "${refuse[@]}"
done

# A connection that was begun to a pod of a dead node is remembered for two minutes, refreshed by
# whoever uses the same port again: its clients would be led there long after the endpoint is gone.
remembered=/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_syn_sent
[[ ! -e $remembered ]] || echo 10 >"$remembered"

[[ -s $table ]] || exit 0
{
  read -r own
  while read -r cidr address; do
    ip route replace "$cidr" via "$address"
  done
} <"$table"

# Between pods the sender's address stays as it is; only what leaves the cluster is masqueraded.
masquerade=(POSTROUTING -s "$own" ! -d "$cluster_cidr" -j MASQUERADE)
iptables -t nat -C "${masquerade[@]}" 2>/dev/null || iptables -t nat -A "${masquerade[@]}"

mkdir -p /etc/cni/net.d
cat >/etc/cni/net.d/10-leadsman.conflist.new <<END
{"cniVersion": "0.4.0", "name": "leadsman", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {"type": "host-local", "ranges": [[{"subnet": "$own"}]],
            "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
mv /etc/cni/net.d/10-leadsman.conflist.new /etc/cni/net.d/10-leadsman.conflist
