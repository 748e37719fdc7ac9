# syntax=docker/dockerfile:1
# The version of the tests. To pin the image, pass --build-arg NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:… with the digest that
# `docker buildx imagetools inspect node:24.21.0-bookworm-slim` prints.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Source maps and type declarations are half of node_modules.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && find node_modules -type f -regex '.*\.\(map\|d\.[cm]?ts\)' -delete
COPY gen/es gen/es
COPY gen/server gen/server
COPY src src
# Fill the compile cache, so that a server starts in three quarters of the time. Node keeps one cache for each user.
RUN install -d -o node node_modules/.cache/rollcall
USER node
RUN node --max-semi-space-size=24 src/main.ts serve --store sqlite:/tmp/warm.db --metrics-listen 127.0.0.1:9464 & server=$! \
 && timeout 60 sh -c 'until node src/main.ts health; do sleep 1; done' \
 && kill $server && wait $server \
 && chmod -R a+rX node_modules/.cache/rollcall
USER root
RUN mv node_modules/.cache /compiled

FROM ${NODE_IMAGE}
# Remove the package managers: the image installs nothing, and they only enlarge the attack surface.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
      /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-* \
 && install -d -o node -g node /data
WORKDIR /app
COPY --from=build /app/node_modules node_modules
COPY package.json ./
COPY gen/es gen/es
COPY gen/server gen/server
COPY src src
COPY --from=build /compiled node_modules/.cache
VOLUME /data
# The user node, by number, so that Kubernetes can check that it is not root.
USER 1000:1000
ENV NODE_ENV=production \
    ROLLCALL_LISTEN=0.0.0.0:50051 \
    ROLLCALL_STORE=sqlite:/data/rollcall.db
EXPOSE 50051
HEALTHCHECK --start-period=10s CMD ["node", "src/main.ts", "health"]
ENTRYPOINT ["node", "--max-semi-space-size=24", "src/main.ts"]
CMD ["serve"]
