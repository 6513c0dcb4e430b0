"""GRUB's part of the decision what is booted: one script, the same on both disks, for BIOS and UEFI. Pure.

It is `bootstate.BootState.order` in GRUB's language, which has neither arithmetic nor indirection: so what it does for each
slot is written out for each. What it does besides:

- an attempt of a set on trial is counted before it is booted; one that cannot be counted (a disk that cannot be written) is
  not made;
- kernel and initial RAM disk are compared with their checksums first, where GRUB can (Debian's signed GRUB can't: there the
  kernel's signature is checked, and a damaged RAM disk ends in a panic), so that a damaged set is not even begun, and needs
  no attempts to be found out;
- the state comes from the primary disk, from its second copy there, or else from the copy on the backup disk.
"""

from __future__ import annotations

from rackless.vmhost.bootstate import ATTEMPTS
from rackless.vmhost.layouts import NUMBERS

COMMON = "console=tty0 console=ttyS0,115200 quiet panic=5 oops=panic"
VARIABLES = "current a b a_left b_left snapshot snapshot_bad once repairs recovery whole"
BOOT = NUMBERS["boot"]
HEAD = f"""\
# Written by Rackless (vmhost/grubscript.py); what is booted is in grubenv.
set pager=0
set timeout=0
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
insmod part_gpt
insmod fat
insmod ext2
insmod regexp
insmod loadenv
if [ "$grub_platform" = pc ]; then set sums=yes; insmod hashsum; else set sums=no; fi

function disks {{
  for kind in BOOT VM VAR; do
    if [ -z "$first" ]; then
      if search --no-floppy --label RL${{kind}}1 --set=found; then regexp --set=1:first '^([^,]+),' "$found"; fi
    fi
    if [ -z "$second" ]; then
      if search --no-floppy --label RL${{kind}}2 --set=found; then regexp --set=1:second '^([^,]+),' "$found"; fi
    fi
  done
}}

function read_state {{
  set whole=
  if [ -f "($1,gpt{BOOT})/grub/$2" ]; then
    load_env -f "($1,gpt{BOOT})/grub/$2" {VARIABLES}
    if [ "$whole" = 1 ]; then set where="($1,gpt{BOOT})/grub"; fi
  fi
}}

function keep {{
  if save_env -f "$where/grubenv" {VARIABLES}; then
    save_env -f "$where/grubenv.2" {VARIABLES}
    set kept=yes
  else
    set kept=no
  fi
}}

function start {{
  echo "Rackless: set $1$2 ($3)"
  if [ "$1" = 1 ]; then set disk=$first; set booted=$2; else set disk=$second; set booted=$current; fi
  if [ "$2" = a ]; then set number={NUMBERS["root-a"]}; else set number={NUMBERS["root-b"]}; fi
  if [ -z "$disk" ]; then
    echo "Rackless: disk $1 is not there"
  else
    set root="$disk,gpt$number"
    set sound=yes
    if [ ! -f /boot/vmlinuz ]; then set sound=no; fi
    if [ "$sound" = yes -a "$sums" = yes ]; then
      if hashsum --hash sha256 --check /boot/sums --prefix "($root)/boot"; then true; else set sound=no; fi
    fi
    if [ "$sound" = yes ]; then
      if linux /boot/vmlinuz {COMMON} $words rackless.set=$1$2 rackless.why=$3 rauc.slot=$booted; then
        if initrd /boot/initrd; then boot; fi
      fi
    fi
    echo "Rackless: set $1$2 is damaged"
  fi
}}
"""
READ = """
disks
if [ -n "$first" ]; then
  read_state $first grubenv
  if [ "$whole" != 1 ]; then read_state $first grubenv.2; fi
fi
if [ "$whole" != 1 -a -n "$second" ]; then
  read_state $second grubenv
  if [ "$whole" != 1 ]; then read_state $second grubenv.2; fi
fi
if [ "$whole" != 1 ]; then
  echo "Rackless: what is booted next is not known"
  set current=a
  set a=good
  set b=good
  if [ -n "$second" ]; then set snapshot=a; fi
fi
if [ -n "$once" ]; then
  set that=$once
  set once=
  keep
  if [ "$kept" = yes ]; then
    regexp --set=1:one --set=2:two '^([12])([ab])$' "$that"
    start $one $two once
  fi
fi
"""
LAST = """
if [ -n "$snapshot" -a "$snapshot_bad" != 1 ]; then start 2 $snapshot snapshot; fi
if [ "$current" = a -a "$b" = good ]; then start 1 b alternate; fi
if [ "$current" = b -a "$a" = good ]; then start 1 a alternate; fi
start 1 $current last-resort
if [ -n "$snapshot" ]; then start 2 $snapshot last-resort; fi
if [ "$current" = a ]; then start 1 b last-resort; else start 1 a last-resort; fi
echo "Rackless: no set of this host can be booted; install it anew from USB or network"
sleep 5
exit
"""


def _current(slot: str) -> str:
    """What is done when this slot is current."""
    counts = []
    for left in range(ATTEMPTS, 0, -1):
        word = "if" if left == ATTEMPTS else "elif"
        counts.append(f'    {word} [ "${slot}_left" = {left} ]; then set {slot}_left={left - 1}; set go=yes')
    return "\n".join(
        [
            f'if [ "$current" = {slot} ]; then',
            f'  if [ "${slot}" = good ]; then start 1 {slot} current',
            f'  elif [ "${slot}" = trial ]; then',
            "    set go=no",
            *counts,
            "    fi",
            "    keep",
            f'    if [ "$go" = yes -a "$kept" = yes ]; then start 1 {slot} trial; fi',
            "  fi",
            "fi",
            "",
        ]
    )


def script() -> str:
    return HEAD + READ + _current("a") + _current("b") + LAST


def install_script(words: str) -> str:
    """Of an installation medium: boots its own kernel, which installs. `words` go to the kernel."""
    return (
        "set timeout=0\nserial --unit=0 --speed=115200\nterminal_input serial console\nterminal_output serial console\n"
        "insmod part_gpt\ninsmod fat\ninsmod ext2\n"
        f'search --no-floppy --label RLBOOTU --set=found\nregexp --set=1:disk "^([^,]+)," "$found"\n'
        f'set root="$disk,gpt{NUMBERS["root-a"]}"\n'
        f"linux /boot/vmlinuz {COMMON} {words}\ninitrd /boot/initrd\nboot\n"
    )
