# The command `bulla`, which makes an organisation and acts for its owner.
# From the top of the repository: docker build --file deploy/cli.Dockerfile .
ARG NODE_IMAGE=node:24-trixie-slim
ARG BASE_IMAGE=debian:trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /bulla
COPY . .
# npm's configuration (another registry, a certificate) comes as a secret, which stays in no layer.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --include-workspace-root --workspace @bulla/cli && \
    node node_modules/typescript-7/bin/tsc -b packages/cli
# The same again without what only building needs.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --omit=dev --workspace @bulla/cli && \
    mkdir /runtime && cp -a --parents package.json node_modules packages/cli/bin deploy/init.sh /runtime && \
    for dist in */*/dist; do cp -a --parents "$dist" "${dist%/dist}/package.json" /runtime; done && \
    for own in */*/node_modules; do [ ! -e "$own" ] || cp -a --parents "$own" /runtime; done && \
    find /runtime -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.[cm]ts' \) -delete

FROM ${BASE_IMAGE}
# A new volume takes owner and mode from the folder that it is mounted on.
RUN groupadd --gid 10001 bulla && \
    useradd --uid 10001 --gid bulla --no-create-home --home-dir /operator --shell /usr/sbin/nologin bulla && \
    install -d -o bulla -g bulla -m 0700 /operator /renew /stream /services/vault /services/responder \
      /services/vault-marks /services/responder-marks /services/renew && \
    install -d -o bulla -g bulla -m 0755 /services/postgres /services/redis
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /runtime /bulla
RUN ln -s /bulla/packages/cli/bin/bulla.js /usr/local/bin/bulla
WORKDIR /operator
ENV UV_THREADPOOL_SIZE=2 BULLA_HOME=/operator
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["bulla"]
CMD ["--help"]
