#!/bin/bash
# test.sh [--all]: every test. First what is light, two at a time; then the slow suites that are due (packaging/suites.py: those of
# which something that they cover has changed since they last passed); then what boots VMs, one after the other.
# --all: every suite, due or not; all that has a store once more on PostgreSQL; and what is random (cuts of power in a commit) as
# often as the issue asks for. A suite that passes is marked in packaging/passed.txt: commit that.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${RACKLESS_CHECKED:-}" ]; then
  packaging/check.sh
  export RACKLESS_CHECKED=1
fi
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
all=; [ "${1:-}" != --all ] || all=1
side_by_side=(pytest -m "not machines" -n 2 --dist loadfile)

light=(pytest -m "not machines and not vsphere" -n 2 --dist loadfile)
"${light[@]}" tests --ignore tests/web --ignore tests/kills --ignore tests/vsphere
if [ -n "$all" ] || python packaging/suites.py due vsphere; then
  pytest -m vsphere tests/conformance tests/vsphere
  python packaging/suites.py passed vsphere
else
  printf '==> vsphere: passed on what it covers, not run again\n'
fi
for suite in kills web; do
  if [ -n "$all" ] || python packaging/suites.py due $suite; then
    "${side_by_side[@]}" --timeout 600 "tests/$suite"
    python packaging/suites.py passed $suite
  else
    printf '==> %s: passed on what it covers, not run again\n' "$suite"
  fi
done
if [ -n "$all" ]; then
  export RACKLESS_POWER_CUTS=50
  # Unit tests run on both databases. So do now the rest of those that have a server or a store.
  mapfile -t stored < <(grep -lE 'Shell\(|shell: Shell|Driver|EVERYWHERE' tests/{stories,unit,kills}/test_*.py)
  RACKLESS_TEST_DATABASE=postgresql "${side_by_side[@]}" --timeout 300 "${stored[@]}"
fi
pytest -m machines --timeout 600 tests
