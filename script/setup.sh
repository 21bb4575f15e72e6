# Sourced by the scripts beside it: makes .venv and installs the pinned requirements, only where something changed.
# shellcheck shell=bash

export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# The first interpreter that is new enough.
find_python() {
  local name
  for name in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  die "Gatehouse needs Python 3.11 or newer; none was found."
}

# Installs Debian packages as root; services that come with them are not started.
apt_install() {
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made_policy=1
  fi
  say "Installing Debian packages: $*"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=500 -o Dpkg::Use-Pty=0) status=0
  "${apt[@]}" update >&2 || true
  "${apt[@]}" install -y --no-install-recommends "$@" >&2 || status=$?
  [ -z "$made_policy" ] || rm -f "$policy"
  return "$status"
}

# A virtual environment with uv in it, itself pinned and hash-checked.
make_venv() {
  if [ ! -x .venv/bin/python ]; then
    local python
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
      [ "$(id -u)" = 0 ] || die "Python's venv module is missing: install the Debian package python3-venv."
      apt_install python3-venv
    fi
    say "Making .venv with $("$python" -V)"
    "$python" -m venv .venv
  fi
  if [ "$(cat .venv/.uv-requirements 2>/dev/null)" != "$(sha256sum <requirements-uv.txt)" ]; then
    .venv/bin/python -m pip install -qq --require-hashes --only-binary :all: -r requirements-uv.txt
    sha256sum <requirements-uv.txt >.venv/.uv-requirements
  fi
}

# install_requirements runtime|test: once the test tools are in, they stay, and are kept current too.
install_requirements() {
  make_venv
  local file=requirements.txt stamp
  if [ "$1" = test ] || [ -x .venv/bin/pytest ]; then
    file=requirements-test.txt
  fi
  stamp="$file $(sha256sum <"$file")"
  if [ "$(cat .venv/.requirements 2>/dev/null)" != "$stamp" ]; then
    say "Installing $file"
    rm -f .venv/.requirements
    .venv/bin/uv pip install --quiet --python .venv/bin/python --exact --require-hashes --only-binary :all: \
      --compile-bytecode -r "$file" -r requirements-uv.txt
    printf '%s\n' "$stamp" >.venv/.requirements
  fi
}
