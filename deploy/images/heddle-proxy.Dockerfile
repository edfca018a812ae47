# The proxy: agent, Envoy, and what writes the rules of captured traffic. From the root of the repository:
# docker build -f deploy/images/heddle-proxy.Dockerfile .
FROM rust:1.95-bookworm AS build
WORKDIR /heddle
COPY . .
RUN cargo build --locked --profile dist -p heddle-agent

FROM envoyproxy/envoy:distroless-v1.40.0 AS envoy

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates iproute2 iptables \
    && rm -rf /var/lib/apt/lists/*
COPY --from=envoy /usr/local/bin/envoy /usr/local/bin/envoy
COPY --from=build /heddle/target/dist/heddle-agent /usr/local/bin/heddle-agent
# The names by which pods made for Istio's image call it.
RUN ln -s heddle-agent /usr/local/bin/pilot-agent && ln -s heddle-agent /usr/local/bin/istio-iptables
USER 1337:1337
ENTRYPOINT ["/usr/local/bin/heddle-agent"]
