# A kind node from Debian packages and programs built from Go modules, for machines that cannot
# pull kind's own image. The context holds: kind/ (the files of kind's base image), programs/,
# node/ (the files beside this one) and storage.yaml.
ARG BASE
FROM ${BASE} AS packages
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        systemd dbus conntrack iptables nftables iproute2 ethtool util-linux mount kmod \
        libseccomp2 pigz e2fsprogs bash ca-certificates curl jq procps socat \
        containerd runc containernetworking-plugins \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* /usr/share/locale/*

FROM packages
COPY kind/ /
RUN chmod 755 /usr/local/bin/* /kind /kind/bin /kind/bin/* \
 && find /lib/systemd/system/sysinit.target.wants/ -name systemd-tmpfiles-setup.service -delete \
 && rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/* \
        /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/basic.target.wants/* \
        /lib/systemd/system/sockets.target.wants/*udev* \
        /lib/systemd/system/sockets.target.wants/*initctl* \
 && echo ReadKMsg=no >> /etc/systemd/journald.conf \
 && ln -sf /usr/lib/systemd/systemd /sbin/init \
 && ln -s /usr/bin/containerd /usr/local/bin/containerd \
 && mkdir -p /opt/cni && ln -s /usr/lib/cni /opt/cni/bin

COPY node/pod-network.sh /kind/bin/pod-network.sh
COPY node/pod-network.service /etc/systemd/system/pod-network.service
COPY node/runc /usr/local/sbin/runc
COPY storage.yaml /kind/manifests/default-storage.yaml
COPY programs/ /usr/bin/
ARG KUBERNETES
ARG PAUSE
# The limits and scores of the unit cannot be raised on every host; the wrapper deals with those
# of the containers.
RUN chmod 755 /usr/local/sbin/runc /kind/bin/pod-network.sh \
 && sed -i -E '/^(OOMScoreAdjust|Limit[A-Z]+|TasksMax)=/d' /etc/systemd/system/containerd.service \
 && sed -i -E "s|registry.k8s.io/pause:[0-9.]+|registry.k8s.io/pause:${PAUSE}|" \
        /etc/containerd/config.toml \
 && ctr oci spec \
      | jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}]' \
      | jq 'del(.process.rlimits)' > /etc/containerd/cri-base.json \
 && echo "${KUBERNETES}" > /kind/version \
 && printf '# The pod network is set by devcluster: it differs for each node.\n' \
        > /kind/manifests/default-cni.yaml \
 && mkdir -p /etc/kubernetes/manifests \
 && systemctl enable kubelet.service containerd.service undo-mount-hacks.service \
        pod-network.service \
 && systemctl mask systemd-binfmt.service

ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
