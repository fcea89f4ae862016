# The vault. From the top of the repository: docker build --file deploy/vault.Dockerfile .
# Node and its npm build the image; what runs is a Debian with the same Node and nothing that is not needed.
ARG NODE_IMAGE=node:24-trixie-slim
ARG BASE_IMAGE=debian:trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /bulla
COPY . .
# npm's configuration (another registry, a certificate) comes as a secret, which stays in no layer.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --include-workspace-root --workspace @bulla/vault && \
    node node_modules/typescript-7/bin/tsc -b services/vault
# The same again without what only building needs. The embedded database is for `bulla up` alone, and the compiler, which
# a framework names as an optional peer, is for no image.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --omit=dev --workspace @bulla/vault && \
    rm -rf node_modules/@electric-sql node_modules/typescript && \
    mkdir /runtime && cp -a package.json node_modules /runtime && \
    for dist in */*/dist; do cp -a --parents "$dist" "${dist%/dist}/package.json" /runtime; done && \
    for own in */*/node_modules; do [ ! -e "$own" ] || cp -a --parents "$own" /runtime; done && \
    find /runtime -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' \) -delete

FROM ${BASE_IMAGE}
RUN groupadd --gid 10001 bulla && \
    useradd --uid 10001 --gid bulla --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin bulla && \
    install --directory --owner=bulla --group=bulla --mode=700 /var/lib/bulla
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /runtime /bulla
WORKDIR /bulla
# Room for young garbage: less than Node takes on a large machine, more than it takes in 512 MB (EVIDENCE.md).
ENV NODE_OPTIONS=--max-semi-space-size=32
# Cryptography runs in as many threads as the container has cores; this counts only before Node starts.
ENV NODE_ENV=production UV_THREADPOOL_SIZE=2 BULLA_HOST=0.0.0.0 BULLA_AUDIT_MARKS=/var/lib/bulla/audit-marks
USER 10001:10001
EXPOSE 4100 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --start-interval=1s \
    CMD ["node", "-e", "const s = process.env.BULLA_TLS_CERT_FILE ? 'https' : 'http'; require(s).get(s + '://127.0.0.1:4100/health/ready', { rejectUnauthorized: false }, ({ statusCode }) => process.exit([200, 423].includes(statusCode) ? 0 : 1)).on('error', () => process.exit(1))"]
CMD ["node", "services/vault/dist/main.js"]
