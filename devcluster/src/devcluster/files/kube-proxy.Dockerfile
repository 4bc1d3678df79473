# kube-proxy sets rules with the system's own tools: only those and their libraries are taken, for
# every node unpacks this image before its Services work. It has a shell as well, so the storage
# provisioner makes and removes its folders in a pod of this image: every node has it already.
ARG BASE
FROM ${BASE} AS packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        iptables conntrack nftables kmod \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
# The programs with iptables' extensions, every library that one of them names, under the name that
# is asked for and under the one that the file has, and the links that lead to the programs.
RUN set -eu; mkdir -p /slim/tmp /slim/run /slim/etc /slim/usr/bin /slim/usr/sbin; \
    for folder in bin sbin lib lib64; do ln -s "usr/$folder" "/slim/$folder"; done; \
    for tool in sh cat ls mkdir rm chmod nft conntrack kmod xtables-nft-multi xtables-legacy-multi; do \
        readlink -f "$(command -v "$tool")"; \
    done > /programs; \
    ls /usr/lib/*/xtables/*.so >> /programs; \
    xargs ldd < /programs | sed -n 's|^\t\(.* => \)\{0,1\}/\(lib[^ ]*\) .*|/usr/\2|p' | sort -u > /named; \
    xargs readlink -f < /named > /libraries; \
    cat /named >> /libraries; \
    sort -u /programs /libraries | xargs cp -a --parents --target-directory=/slim; \
    for link in /usr/bin/sh /usr/sbin/modprobe /usr/sbin/ip*tables*; do \
        [ -e "/slim$link" ] || cp -a --parents "$link" /slim; done; \
    cp -a /etc/alternatives /slim/etc/; \
    while read -r file; do [ -e "/slim$file" ] || { echo "$file is missing" >&2; exit 1; }; done < /libraries; \
    chroot /slim sh -c 'iptables -V && ip6tables -V && nft -v && iptables -m statistic --help \
        && mkdir /tmp/a && rm -r /tmp/a' > /dev/null

FROM scratch
COPY --from=packages /slim/ /
COPY kube-proxy /usr/local/bin/
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
