#!/bin/bash
# setup.sh [--test | --openstack | --fabric | --peers]: install what is missing on Debian 12, and the pinned Python packages into .venv. Safe to repeat; quick
# when done. --openstack: only the services of the test stack (packaging/openstack), which have a .venv-openstack of their own.
# --fabric: only what a node of a fabric needs besides: its engines, and a .venv-fabric.
# --peers: only what bench/peers.py compares with: libvirt, and GNS3's server in a .venv-peers.
set -euo pipefail
cd "$(dirname "$0")/.."
lists=(packaging/apt.txt)
case "${1:-}" in
  --test) lists+=(packaging/apt-test.txt) ;;
  --openstack) lists=(packaging/apt-openstack.txt) ;;
  --fabric) lists=(packaging/apt-fabric.txt) ;;
  --peers) lists=(packaging/apt-peers.txt) ;;
esac

say() { printf '==> %s\n' "$*" >&2; }

install_debian_packages() {
  local wanted missing=() package
  mapfile -t wanted < <(grep -hv '^#' "${lists[@]}")
  for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Error: these Debian packages are missing: ${missing[*]}" >&2
      echo "Hint: install them as root: apt-get install ${missing[*]}" >&2; exit 1; }
    # Asks for the password once; whoever has no right, or no terminal to type it at, gets the way out instead of sudo's words alone.
    sudo -v || { echo "Error: these Debian packages are missing, and sudo refused: ${missing[*]}" >&2
      echo "Hint: install them as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
  fi
  say "installing Debian packages: ${missing[*]}"
  # A service must not start because its package is a test's part: policy-rc.d answers "not allowed" while apt runs.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"; made=1
    trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  if [ -n "$made" ]; then "${as_root[@]}" rm -f "$policy"; trap - EXIT; fi
}

install_python_packages() {
  local stamp=.venv/.installed want
  want=$(cat requirements.lock pyproject.toml | sha256sum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "installing the pinned Python packages into .venv"
  "${PYTHON:-python3}" -m venv .venv
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
  printf '%s' "$want" > "$stamp"
}

install_clients() { # into .venv-clients: the packages that the router is tested with, whose pins contradict ours
  local stamp=.venv-clients/.installed want
  want=$(cat packaging/clients.lock packaging/collections.lock | sha256sum)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "installing the pinned clients of other authors into .venv-clients"
  "${PYTHON:-python3}" -m venv .venv-clients
  .venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/clients.lock
  unpack_collections
  printf '%s' "$want" > "$stamp"
}

unpack_collections() { # of Ansible: the wheel has a hundred of them, and installing them all takes a minute
  local wheel; wheel=$(mktemp -d)
  .venv-clients/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
    -r packaging/collections.lock -d "$wheel"
  .venv-clients/bin/python - "$wheel"/*.whl <<'END'
import sys, zipfile
wanted = ("ansible_collections/ansible/netcommon/", "ansible_collections/ansible/utils/", "ansible_collections/junipernetworks/junos/")
with zipfile.ZipFile(sys.argv[1]) as wheel:
    wheel.extractall(".venv-clients", [name for name in wheel.namelist() if name.startswith(wanted)])
END
  rm -rf "$wheel"
}

install_openstack() { # into .venv-openstack: keystone, glance, placement, neutron and nova, for the tests
  local stamp=.venv-openstack/.installed want
  want=$(sha256sum < packaging/openstack/requirements.lock)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "installing the pinned services of OpenStack into .venv-openstack"
  rm -rf .venv-openstack
  /usr/bin/python3 -m venv .venv-openstack
  .venv-openstack/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/openstack/requirements.lock
  # Its bindings have to fit Debian's libvirt, and are compiled for Debian's Python.
  ln -s /usr/lib/python3/dist-packages/libvirt*.py /usr/lib/python3/dist-packages/libvirtmod*.so .venv-openstack/lib/python3.11/site-packages/
  printf '%s' "$want" > "$stamp"
}

install_fabric() { # into .venv-fabric: Patroni and supervisor. Debian's Python runs it, because the user postgres has to be able to
  local stamp=.venv-fabric/.installed want
  want=$(sha256sum < packaging/fabric.lock)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "installing the pinned Patroni and supervisor into .venv-fabric"
  rm -rf .venv-fabric
  /usr/bin/python3 -m venv .venv-fabric
  .venv-fabric/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/fabric.lock
  printf '%s' "$want" > "$stamp"
}

install_peers() { # into .venv-peers: GNS3's server, for bench/peers.py
  local stamp=.venv-peers/.installed want
  want=$(sha256sum < packaging/peers.lock)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && return
  say "installing the pinned GNS3 server into .venv-peers"
  rm -rf .venv-peers
  "${PYTHON:-python3}" -m venv .venv-peers
  .venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r packaging/peers.lock
  printf '%s' "$want" > "$stamp"
}

install_debian_packages
if [ "${1:-}" = --peers ]; then install_peers; exit; fi
if [ "${1:-}" = --fabric ]; then install_fabric; exit; fi
if [ "${1:-}" = --openstack ]; then install_openstack; exit; fi
install_python_packages
packaging/web.sh
if [ "${1:-}" = --test ]; then install_clients; fi
