"""Runs a command that must not outlive a deadline, nor the process that asked for it: a program of its own (`running.tied`).

Arguments: seconds, number of a file descriptor, and the command. The descriptor is a socket whose other end the server holds:
when the server dies, however it dies, that ends; and when this program does, the server sees it. The command's process group is
killed then, at the deadline, and at the command's own end. The exit status is the command's; 128 + N for signal N.

Imports nothing of ours and little else, so that it starts in 20 ms.
"""

import contextlib
import os
import select
import signal
import sys

CANNOT_RUN = 127
OVER = 124
"""Exit status of a command that was killed at its deadline, as of coreutils' timeout."""


def main() -> int:
    seconds, lifeline, command = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    child = os.fork()
    if child == 0:
        os.close(lifeline)
        os.setpgid(0, 0)
        try:
            os.execvp(command[0], command)  # noqa: S606
        except OSError as error:
            os.write(2, f"{command[0]} cannot be run: {error.strerror}\n".encode())
            os._exit(CANNOT_RUN)
    with contextlib.suppress(OSError):  # it has its group, or has ended
        os.setpgid(child, child)  # whoever of the two comes first: the group is there before anybody kills it
    ended = os.pidfd_open(child)
    ready, _, _ = select.select([ended, lifeline], [], [], seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if ended not in ready:
        return OVER
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    os._exit(main())
