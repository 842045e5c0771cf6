# The gateway in an image without a shell: `docker build .`, on distroless; or
# `docker build --target scratch .`, with nothing but the executable and the files that it loads.
#
# Tags are exact. BUN_DIGEST and BASE_DIGEST pin the images to the byte: `@sha256:...`, as
# `docker buildx imagetools inspect IMAGE` shows it.
ARG BUN_DIGEST=
ARG BASE_DIGEST=

FROM gcr.io/distroless/base-debian12:nonroot${BASE_DIGEST} AS base

# It runs on the machine that builds, for whichever processor: nothing is emulated.
FROM --platform=$BUILDPLATFORM oven/bun:1.4.5${BUN_DIGEST} AS builder
# Where a proxy signs what comes from the registry: the path of its certificates.
ARG EXTRA_CA_CERTS=
WORKDIR /build
COPY package.json package-lock.json ./
# Bun reads npm's lock file, and fails when package.json does not agree with it.
RUN NODE_EXTRA_CA_CERTS=$EXTRA_CA_CERTS bun install --frozen-lockfile --production --ignore-scripts
COPY build.ts tsconfig.json ./
COPY src ./src
ARG TARGETARCH
ARG REVISION=unknown
# The runtime comes from the lock file, too, not from the image: the bytes are those of a build outside.
RUN target=linux-$(echo "$TARGETARCH" | sed s/amd64/x64/) \
  && NODE_EXTRA_CA_CERTS=$EXTRA_CA_CERTS bun build.ts --target "$target" --revision "$REVISION" \
  && mv "dist/$target/prom-stream-gateway" dist/

# The five files of glibc that the executable loads, authorities, and the user's name.
FROM builder AS files
ARG TARGETARCH
COPY --from=base / /base/
RUN case "$TARGETARCH" in amd64) loader=lib64 ;; *) loader=lib ;; esac \
  && mkdir -p /files/lib "/files/$loader" /files/etc/ssl/certs \
  && cd /base/lib/*-linux-gnu \
  && cp -L ld-linux-*.so.* "/files/$loader/" \
  && cp -L libc.so.6 libm.so.6 libpthread.so.0 libdl.so.2 /files/lib/ \
  && cp -L /base/etc/ssl/certs/ca-certificates.crt /files/etc/ssl/certs/ \
  && cp /base/etc/passwd /files/etc/

FROM scratch AS scratch
COPY --from=files /files /
COPY --from=builder /build/dist/prom-stream-gateway /prom-stream-gateway
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="prom-stream-gateway" \
  org.opencontainers.image.description="Takes JSON samples off a Redis list, aggregates them and shows the totals to Prometheus." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.source="$SOURCE" \
  org.opencontainers.image.licenses="MIT"
USER 65532
WORKDIR /
EXPOSE 9091
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
  CMD ["/prom-stream-gateway", "healthcheck"]
ENTRYPOINT ["/prom-stream-gateway"]

FROM base
COPY --from=builder /build/dist/prom-stream-gateway /prom-stream-gateway
ARG REVISION=unknown
ARG SOURCE=
LABEL org.opencontainers.image.title="prom-stream-gateway" \
  org.opencontainers.image.description="Takes JSON samples off a Redis list, aggregates them and shows the totals to Prometheus." \
  org.opencontainers.image.version="0.1.0" \
  org.opencontainers.image.revision="$REVISION" \
  org.opencontainers.image.source="$SOURCE" \
  org.opencontainers.image.licenses="MIT"
USER 65532
WORKDIR /
EXPOSE 9091
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
  CMD ["/prom-stream-gateway", "healthcheck"]
ENTRYPOINT ["/prom-stream-gateway"]
