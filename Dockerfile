# Builds the gateway and puts the one file that it is into an image without a shell.

FROM oven/bun:1.4.5 AS builder
WORKDIR /build
# Bun reads npm's lock file and fails when package.json does not agree with it.
COPY package.json package-lock.json ./
RUN bun install --frozen-lockfile --ignore-scripts
COPY build.ts tsconfig.json ./
COPY src ./src
RUN bun build.ts

FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=builder /build/dist/prom-stream-gateway /prom-stream-gateway
USER 65532
EXPOSE 9091
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 \
  CMD ["/prom-stream-gateway", "healthcheck"]
ENTRYPOINT ["/prom-stream-gateway"]
