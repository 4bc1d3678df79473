# Stands in for python:3.13-slim-trixie where that cannot be pulled: Debian's own Python 3.13.
ARG BASE
FROM ${BASE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 python3-venv ca-certificates libgomp1 \
 && ln -s python3 /usr/bin/python \
 && apt-get clean && rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* /usr/share/locale/*
