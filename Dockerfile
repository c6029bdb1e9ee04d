FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false \
        -ldflags "-s -w -X lifecycle-sync/app.version=${VERSION}" -o /lifecycle-sync . \
    && mkdir /data

# Nothing but the binary, the certificates that sslmode=verify-full and https need, and a folder for
# uploads and the embedded databases. There is no shell, and the user is nobody in particular. To be
# reached from outside the container, set HOST=0.0.0.0 and AUTH_JWT_SECRET_FILE or AUTH_JWKS_URL.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /lifecycle-sync /lifecycle-sync
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
ENV DATA_DIR=/data
HEALTHCHECK --start-period=1m CMD ["/lifecycle-sync", "health"]
ENTRYPOINT ["/lifecycle-sync"]
