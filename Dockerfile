# composelet as an image. The binary is built outside (scripts/image does): nothing of the source goes into the image.
#
#   scripts/image                      both targets, composelet:slim and composelet:full
#   docker build --target slim --build-arg BINARY=dist/composelet .
#
# BASE is a Debian for the target `full`, and gives the target `slim` its bundle of certificates and its directories.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS base
RUN if [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then \
      apt-get update -qq && apt-get install -qq --yes --no-install-recommends ca-certificates \
      && rm -rf /var/lib/apt/lists/*; fi \
 && mkdir -p /out/etc/ssl/certs /out/var/lib/composelet /out/desired-state /out/run/composelet /out/tmp \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ \
 && chown -R 65532:65532 /out/var/lib/composelet && chmod 700 /out/var/lib/composelet && chmod 1777 /out/run/composelet /out/tmp

# Files only: the static binary and a bundle of certificates, 15 MB. Time zones are in the binary.
FROM scratch AS slim
ARG BINARY=dist/composelet
ARG VERSION=unknown
ARG REVISION=unknown
COPY --from=base /out/ /
COPY ${BINARY} /usr/local/bin/composelet
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    PATH=/usr/local/bin \
    COMPOSELET_STATE_DIR=/var/lib/composelet \
    COMPOSELET_DESIRED_STATE=/desired-state
LABEL org.opencontainers.image.title="composelet" \
      org.opencontainers.image.description="Keeps containers as the Compose files in a watched directory say" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["/usr/local/bin/composelet", "health"]
ENTRYPOINT ["/usr/local/bin/composelet"]
CMD ["run"]

# With what git sources need: git, ssh and the check of signatures.
FROM ${BASE} AS full
ARG BINARY=dist/composelet
ARG VERSION=unknown
ARG REVISION=unknown
RUN apt-get update -qq \
 && apt-get install -qq --yes --no-install-recommends ca-certificates git gnupg openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=base /out/var/lib/composelet /var/lib/composelet
COPY --from=base /out/desired-state /desired-state
COPY --from=base /out/run/composelet /run/composelet
# A directory that exists keeps its owner and mode when something is copied into it.
RUN chown 65532:65532 /var/lib/composelet && chmod 700 /var/lib/composelet && chmod 1777 /run/composelet \
 && echo 'composelet:x:65532:65532:composelet:/var/lib/composelet:/usr/sbin/nologin' >>/etc/passwd \
 && echo 'composelet:x:65532:' >>/etc/group
COPY ${BINARY} /usr/local/bin/composelet
ENV COMPOSELET_STATE_DIR=/var/lib/composelet \
    COMPOSELET_DESIRED_STATE=/desired-state \
    HOME=/var/lib/composelet
LABEL org.opencontainers.image.title="composelet" \
      org.opencontainers.image.description="Keeps containers as the Compose files in a watched directory say" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 65532:65532
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s --retries=3 CMD ["/usr/local/bin/composelet", "health"]
ENTRYPOINT ["/usr/local/bin/composelet"]
CMD ["run"]
