# One image for every part: `serve`, or `serve --only web|worker|clock`. It holds no secret, runs as a user of its own, and
# writes to DATA_DIR alone, so the rest may be read-only.

FROM python:3.12-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_PROGRESS=1 UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /opt/gatehouse
COPY requirements.txt requirements-uv.txt ./
# As script/setup.sh does: what is installed is pinned, and its hash is checked. uv itself stays behind.
RUN python -m venv /opt/uv \
 && /opt/uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements-uv.txt \
 && python -m venv --without-pip .venv \
 && /opt/uv/bin/uv pip install --quiet --python .venv/bin/python --exact --require-hashes --only-binary :all: \
      --compile-bytecode -r requirements.txt
COPY . .
RUN python -m compileall -q accounts audit configserver core delivery login portal tenants twofactor

FROM python:3.12-slim-trixie
# pg_dump and pg_restore, for `backup` and `restore`; the server may be of this version (17) or an older one.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-client && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 gatehouse \
 && useradd --no-log-init --uid 10001 --gid 10001 --home-dir /var/lib/gatehouse --shell /usr/sbin/nologin gatehouse \
 && install -d -o gatehouse -g gatehouse -m 700 /var/lib/gatehouse
COPY --from=build /opt/gatehouse /opt/gatehouse
WORKDIR /opt/gatehouse
ENV PATH=/opt/gatehouse/.venv/bin:$PATH DATA_DIR=/var/lib/gatehouse PORT=8000 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
VOLUME /var/lib/gatehouse
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=4)"]
ENTRYPOINT ["python", "manage.py"]
CMD ["serve", "--bind", "0.0.0.0"]
