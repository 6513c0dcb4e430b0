#!/bin/bash
# test.sh [--all]: every test. Light suites run first and side by side with nothing; those that boot VMs run after, one after the other.
# All suites fit the time; --all repeats what is random (cuts of power in a commit) as often as the issue asks for.
set -euo pipefail
cd "$(dirname "$0")/.."
packaging/check.sh
[ "${1:-}" != --all ] || export RACKLESS_POWER_CUTS=50
export PATH="$PWD/.venv/bin:$PATH"
if [ "$(id -u)" = 0 ] && [ -z "${RACKLESS_TEST_NAMESPACE:-}" ]; then
  # As root the tests get a network namespace of their own: management networks and captures touch nothing of this machine's.
  name="rackless-test-$$"
  ip netns add "$name"
  trap 'ip netns del "$name"' EXIT
  ip -n "$name" link set lo up
  RACKLESS_TEST_NAMESPACE=$name ip netns exec "$name" "$0" "$@"
  exit
fi
pytest -m "not machines" -n 2 --dist loadfile tests
# Unit tests run on both databases. With --all so do the rest of those that have a server or a store.
if [ -n "${RACKLESS_POWER_CUTS:-}" ]; then
  mapfile -t stored < <(grep -lE 'Shell\(|shell: Shell|Driver|EVERYWHERE' tests/stories/test_*.py tests/unit/test_*.py)
  RACKLESS_TEST_DATABASE=postgresql pytest -m "not machines" -n 2 --dist loadfile --timeout 300 "${stored[@]}"
fi
pytest -m machines --timeout 600 tests
