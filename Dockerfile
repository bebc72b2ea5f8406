# A static binary, run by a user without rights, beside the go command and git,
# which fetching from version control needs; add mercurial or subversion to them
# if there are modules in these.
ARG GO_VERSION=1.26
FROM golang:${GO_VERSION}-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/modtier .

FROM golang:${GO_VERSION}-alpine
RUN apk add --no-cache ca-certificates git git-lfs openssh-client tini \
 && adduser -D -u 10001 modtier \
 && install -d -o modtier /var/cache/modtier
COPY --from=build /out/modtier /usr/local/bin/modtier
USER modtier
# Where the disk tier is unless a store takes its place.
ENV XDG_CACHE_HOME=/var/cache
VOLUME /var/cache/modtier
EXPOSE 3000
# As the defaults have it: with TLS or another port, run it with a --health-cmd.
HEALTHCHECK CMD wget -q -O /dev/null http://127.0.0.1:3000/healthz || exit 1
# tini reaps what the go command leaves behind.
ENTRYPOINT ["tini", "--", "modtier"]
