FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
WORKDIR /app
COPY --from=dependencies /app/node_modules node_modules
COPY package.json ./
COPY gen gen
COPY src src
RUN mkdir /data && chown node:node /data
VOLUME /data
USER node
ENV NODE_ENV=production \
    ROLLCALL_LISTEN=0.0.0.0:50051 \
    ROLLCALL_STORE=sqlite:/data/rollcall.db
EXPOSE 50051
HEALTHCHECK CMD ["node", "src/main.ts", "health"]
ENTRYPOINT ["node", "--max-semi-space-size=24", "src/main.ts"]
CMD ["serve"]
