# Builds and runs the server. docs/operations.md explains it under "Docker".

FROM node:26-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build
RUN npm prune --omit=dev

# The same Debian as above, because better-sqlite3 can be compiled there.
FROM node:26-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app ./
# The server writes to no other folder of the image.
RUN chown node:node public/uploads
USER node
EXPOSE 1337
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 1337) + '/api/chat/ready').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The command of "npm start". npm does not reliably pass on signals.
CMD ["node", "--no-allocation-site-pretenuring", "--heap-growing-percent=100", "server.js"]
