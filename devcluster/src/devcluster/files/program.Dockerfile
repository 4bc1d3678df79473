# A control-plane image: one static program on an empty root file system.
FROM scratch
COPY @PROGRAM@ /usr/local/bin/
ENV PATH=/usr/local/bin
ENTRYPOINT ["/usr/local/bin/@PROGRAM@"]
