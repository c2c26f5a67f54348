# Two stages: the first has npm and pip and prepares packages and fonts, the second only runs the service.
# BASE is pinned by digest (python:3.13-slim of September 2026); docs/deploy.md says how to take a newer one.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends fonts-hanazono \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/licence
RUN python -m venv /srv/venv
COPY requirements.lock ./
RUN /srv/venv/bin/python -m pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY licence_service ./licence_service
RUN /srv/venv/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .
# npm, pinned like everything else, only to fetch the pinned fonts; it stays behind in this stage.
COPY requirements-fonts.lock ./
RUN python -m venv /srv/npm
RUN /srv/npm/bin/python -m pip install --no-cache-dir --only-binary :all: --require-hashes -r requirements-fonts.lock
RUN PATH="/srv/npm/bin:$PATH" LICENCE_FONTS=/srv/fonts /srv/venv/bin/licence-service fonts build \
 && PATH="/srv/npm/bin:$PATH" LICENCE_FONTS=/srv/fonts /srv/venv/bin/licence-service parcels build

FROM ${BASE}
RUN groupadd --system --gid 10001 licence \
 && useradd --system --uid 10001 --gid licence --home-dir /srv/licence --shell /usr/sbin/nologin licence \
 && install -d -o licence -g licence /srv/licence /srv/licence/var
COPY --from=build /srv/venv /srv/venv
COPY --from=build /srv/fonts /srv/fonts
COPY templates /srv/licence/templates
COPY keys /srv/licence/keys
WORKDIR /srv/licence
USER licence
ENV PATH=/srv/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    LICENCE_FONTS=/srv/fonts
EXPOSE 8000
VOLUME ["/srv/licence/var"]
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["licence-service", "serve", "--host", "0.0.0.0", "--port", "8000"]
