# Two stages on Debian slim: the first compiles, the second has the binary and what it links.
#     docker build -t pipelined . && docker run --read-only -v pipelined:/var/lib/pipelined \
#         -p 127.0.0.1:8750:8750 pipelined
FROM debian:bookworm-slim AS build
COPY scripts/packages.txt scripts/need /src/scripts/
RUN apt-get update -qq && /src/scripts/need build && rm -rf /var/lib/apt/lists/*
COPY . /src
# `run` and `check` have their own build folder; this one is made for speed and hardened.
RUN CFLAGS="-D_FORTIFY_SOURCE=3" LDFLAGS="-Wl,-z,relro,-z,now" meson setup /build /src \
        --buildtype=release --strip --prefix=/usr \
    && meson install -C /build --destdir=/image

FROM debian:bookworm-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=
LABEL org.opencontainers.image.title="pipelined" \
      org.opencontainers.image.description="Registry of model architectures and pipelines" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"
COPY scripts/packages.txt scripts/need /tmp/scripts/
RUN apt-get update -qq && /tmp/scripts/need runtime && rm -rf /var/lib/apt/lists/* /tmp/scripts \
    && install -d -o 8750 -g 8750 -m 0700 /var/lib/pipelined
COPY --from=build /image/usr /usr
# A number, so that an orchestrator can see that it is not root.
USER 8750:8750
# Only the state is written to; the rest may be read-only.
VOLUME /var/lib/pipelined
# Beyond loopback keys are asked for: mount a keys file and set PIPELINED_KEYS_FILE, or, where the
# network is trusted, PIPELINED_ALLOW_REMOTE_WITHOUT_KEYS=yes.
ENV PIPELINED_STATE_DIR=/var/lib/pipelined PIPELINED_LISTEN=0.0.0.0:8750 HOME=/var/lib/pipelined
EXPOSE 8750
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s CMD ["/usr/sbin/pipelined", "--health"]
ENTRYPOINT ["/usr/sbin/pipelined"]
