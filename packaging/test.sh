#!/bin/bash
# test.sh [--all]: every test. First what is light, two at a time; then the slow suites that are due (packaging/suites.py: those of
# which something that they cover has changed since they last passed); then what boots VMs, one after the other.
# --all: every suite, due or not; all that has a store once more on PostgreSQL; and what is random (cuts of power in a commit) as
# often as the issue asks for; it takes hours, and goes on behind what has passed on the very same tree when it is run again (rm
# build/test-all.txt to begin anew). A suite that passes is marked in packaging/passed.txt: commit that.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${RACKLESS_CHECKED:-}" ]; then
  packaging/check.sh
  export RACKLESS_CHECKED=1
fi
export PATH="$PWD/.venv/bin:$PATH"
unset PYTHONDONTWRITEBYTECODE # the tests start hundreds of servers; each would compile all of its sources
all=; [ "${1:-}" != --all ] || all=1

part() { # NAME COMMAND...: run it; with --all, if it has not passed on this very tree
  local name=$1; shift
  if [ -n "$all" ] && python packaging/suites.py behind "$name"; then
    printf '==> %s: passed on this very tree, not run again\n' "$name"
    return
  fi
  "$@"
  [ -z "$all" ] || python packaging/suites.py ended "$name"
}

suite() { # NAME COMMAND...: run it if it is due, and mark it as passed
  local name=$1; shift
  if [ -z "$all" ] && ! python packaging/suites.py due "$name"; then
    printf '==> %s: passed on what it covers, not run again\n' "$name"
    return
  fi
  part "$name" "$@"
  python packaging/suites.py passed "$name"
}

if [ "$(id -u)" = 0 ] && [ -z "${RACKLESS_TEST_NAMESPACE:-}" ]; then
  # What the appliance and the package are made of comes through apt and pip, which the tests' own network does not reach.
  if [ -n "$all" ]; then
    packaging/setup.sh --fabric
    PYTHONPATH=src python -m tests.appliance.beforehand
    part package pytest --timeout 3600 tests/appliance/test_package.py
  fi
  # As root the tests get a network namespace of their own: management networks and captures touch nothing of this machine's.
  # So do the engines of a fabric.
  if [ -n "${1:-}" ] || python packaging/suites.py due fabric; then packaging/setup.sh --fabric; fi
  name="rackless-test-$$"
  ip netns add "$name"
  trap 'ip netns del "$name"' EXIT
  ip -n "$name" link set lo up
  RACKLESS_TEST_NAMESPACE=$name ip netns exec "$name" "$0" "$@"
  exit
fi
clouds="not vsphere and not openstack and not appliance and not fabric and not scale and not unproven"
side_by_side=(pytest -m "not machines and $clouds" -n 2 --dist loadfile)

openstack() { # its services are installed when the suite is due only; the tests start them, and fail when they don't come up
  packaging/setup.sh --openstack
  pytest -m "openstack and not unproven" --timeout 900 tests
}

fabric() { # its engines are installed when the suite is due only
  packaging/setup.sh --fabric
  # Two at a time: each file has a switch and nodes of its own, and most of what they do is to wait for leases to end.
  pytest -m "fabric and not unproven" --timeout 900 -n 2 --dist loadfile tests
}

appliance() { # its disks; booted only with --all, which takes an hour, and then with every power cycle that the issue asks for
  local booted=(tests/appliance/test_boots.py tests/appliance/test_ova_boots.py tests/appliance/test_guest_inside.py)
  if [ -n "$all" ]; then booted=(); export RACKLESS_POWER_CYCLES=30; fi
  pytest -m "appliance and not unproven" --timeout 7200 "${booted[@]/#/--ignore=}" --ignore tests/appliance/test_package.py tests/appliance
}

unproven() { # exit status 5 of pytest: there are none
  pytest -m unproven --timeout 900 tests || [ $? = 5 ]
}

told=(tests/stories/test_vmhost.py tests/stories/test_fabric_stories.py)
part light "${side_by_side[@]}" tests --ignore tests/web --ignore tests/kills --ignore tests/guest "${told[@]/#/--ignore=}"
suite guest "${side_by_side[@]}" --timeout 300 tests/guest
suite vmhost-stories "${side_by_side[@]}" --dist worksteal --timeout 600 "${told[0]}"
suite fabric-stories "${side_by_side[@]}" --dist worksteal --timeout 600 "${told[1]}"
suite openstack openstack
suite fabric fabric
# Not in every run before it has passed as a whole.
[ -z "$all" ] || suite scale pytest -m "scale and not unproven" --timeout 3600 tests/machines
suite vsphere pytest -m vsphere tests
suite appliance appliance
suite kills "${side_by_side[@]}" --timeout 600 tests/kills
suite web "${side_by_side[@]}" --timeout 600 tests/web
if [ -n "$all" ]; then
  export RACKLESS_POWER_CUTS=50
  # Unit tests run on both databases. So do now the rest of those that have a server or a store.
  mapfile -t stored < <(grep -lE 'Shell\(|shell: Shell|Driver|EVERYWHERE' tests/{stories,unit,kills}/test_*.py)
  part postgresql env RACKLESS_TEST_DATABASE=postgresql "${side_by_side[@]}" --timeout 300 "${stored[@]}"
fi
hosts=(tests/machines/test_vmhost.py tests/machines/test_vmhost_console.py tests/machines/test_two_hosts.py)
suite hosts pytest -m "not unproven" --timeout 1800 "${hosts[@]}"
part machines pytest -m "machines and $clouds" --timeout 600 tests "${hosts[@]/#/--ignore=}"
# What has not passed as a whole yet holds nobody up; but `make test-all` is not green before it has.
[ -z "$all" ] || part unproven unproven
