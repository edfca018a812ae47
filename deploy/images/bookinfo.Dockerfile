# The sample application. From the root of the repository: docker build -f deploy/images/bookinfo.Dockerfile .
FROM rust:1.95-bookworm AS build
WORKDIR /heddle
COPY . .
RUN cargo build --locked --profile dist -p bookinfo

FROM debian:bookworm-slim
COPY --from=build /heddle/target/dist/bookinfo /usr/local/bin/bookinfo
# Not 1337: what that user calls is not captured.
USER 65534:65534
ENTRYPOINT ["/usr/local/bin/bookinfo"]
