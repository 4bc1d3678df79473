# kube-proxy sets rules with the system's own tools. It has a shell as well, so the storage
# provisioner makes and removes its folders in a pod of this image: every node has it already.
ARG BASE
FROM ${BASE} AS packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        iptables conntrack nftables kmod \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* /usr/share/locale/*

FROM packages
COPY kube-proxy /usr/local/bin/
