# For users with a registry: builds the program in a Debian with Rust, and ships it without a shell, a package manager or
# root. scripts/image writes the same contents without reaching any registry.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN scripts/image --context /image

FROM scratch
COPY --from=build /image/root/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/usr/bin/self-trader"]
