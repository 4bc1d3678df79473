# kube-proxy sets rules with the system's own tools: only those and their libraries are taken, for
# every node unpacks this image before its Services work. It has a shell as well, so the storage
# provisioner makes and removes its folders in a pod of this image: every node has it already.
ARG BASE
FROM ${BASE} AS packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        iptables conntrack nftables kmod \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN set -eu; mkdir -p /slim/tmp /slim/run /slim/usr/bin /slim/usr/sbin; \
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "/slim/$folder"; done; \
    for tool in sh cat ls mkdir rm chmod nft conntrack kmod modprobe \
        xtables-nft-multi xtables-legacy-multi; do \
      path=$(readlink -f "$(command -v "$tool")"); \
      { echo "$path"; ldd "$path" | grep -o '/lib[^ ]*' | while read -r lib; do \
          readlink -f "$lib" | grep -qx "/usr$lib" || echo "/usr$lib"; readlink -f "$lib"; done; }; \
    done | sort -u | while read -r file; do cp -a --parents "$file" /slim; done; \
    cp -a --parents /usr/lib/*/xtables /slim; \
    for program in /usr/bin/sh /usr/sbin/modprobe /usr/sbin/ip*tables*; do \
      [ -e "/slim$program" ] || cp -a --parents "$program" /slim; done; \
    cp -a /etc/alternatives /slim/alternatives; mkdir -p /slim/etc; \
    mv /slim/alternatives /slim/etc/alternatives; \
    chroot /slim sh -c 'iptables -V && ip6tables -V && nft -v && mkdir /tmp/a && rm -r /tmp/a'

FROM scratch
COPY --from=packages /slim/ /
COPY kube-proxy /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
