# The control plane. From the root of the repository: docker build -f deploy/images/heddled.Dockerfile .
FROM rust:1.95-bookworm AS build
WORKDIR /heddle
COPY . .
RUN RUSTFLAGS=-Cprofile-use=/heddle/deploy/heddled.profdata cargo build --locked --profile dist -p heddled

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /heddle/target/dist/heddled /usr/local/bin/heddled
USER 1337:1337
ENTRYPOINT ["/usr/local/bin/heddled"]
