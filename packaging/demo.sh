#!/bin/bash
# demo.sh: the main job, seen from a user's chair. Leaves the lab running; a second run finds it up and only shows it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
lab=back-to-back

title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
on() { rackless ssh "$lab" "$@"; }

await() { # await SECONDS WHAT PATTERN COMMAND...
  local end=$((SECONDS + $1)) what=$2 pattern=$3 out; shift 3
  while ! out=$("$@" 2>&1) || ! grep -q "$pattern" <<<"$out"; do
    [ $SECONDS -lt $end ] || { printf '%s\nError: %s did not come in time.\nHint: look at `rackless logs %s`.\n' "$out" "$what" "$lab" >&2; exit 1; }
    sleep 1
  done
  printf '%s\n' "$out"
}

title "Deploying examples/back-to-back.yaml: two routers of three VMs each, two wires"
rackless up examples/back-to-back.yaml
title "The lab"
rackless show "$lab"
title "west pings east over the first wire, 9000 bytes and not to be fragmented"
await 60 "an answer to the ping" ' 0% packet loss' on west cli -c '"ping 10.0.0.2 count 3 size 9000 do-not-fragment"'
title "OSPF between them"
await 120 "OSPF Full" 'Full' on west cli -c '"show ospf neighbor"'
cat <<'NEXT'

The lab is running. What to try next:
  alias rackless=$PWD/.venv/bin/rackless
  rackless console back-to-back west           # the serial console; leave it with Ctrl-]
  rackless ssh back-to-back west               # a shell on the router; then: cli
  rackless disconnect back-to-back west:ge-0/0/0 east:ge-0/0/0
  rackless connect back-to-back west:ge-0/0/1 east:ge-1/0/1
  rackless capture back-to-back west:ge-1/0/0 | tcpdump -nr -
  rackless credentials back-to-back            # the generated passwords
  rackless down back-to-back                   # everything gone
NEXT
