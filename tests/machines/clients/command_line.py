"""netmiko and scrapli, unmodified, at a router's command line. Runs in .venv-clients; the login is JSON on standard input."""

import json
import sys
import tempfile
from pathlib import Path

from netmiko import ConnectHandler, file_transfer
from netmiko.exceptions import ConfigInvalidException
from scrapli import AuthOptions, Cli
from scrapli.transport import Ssh2Options

login = json.load(sys.stdin)


def transferred(**asked: str | bool) -> bool:
    """netmiko reads the answer of `df` up to the first %, which GNU's has in its heading already: when that comes alone, which it
    does on a busy machine, netmiko stumbles over the line that it lacks (left: a `df` with BSD's heading in our guest)."""
    for tries_left in (2, 1, 0):
        try:
            return bool(file_transfer(session, file_system="/var/tmp", overwrite_file=True, **asked)["file_verified"])
        except IndexError:
            if not tries_left:
                raise
            session.disconnect()
            session.establish_connection()
            session.session_preparation()
    raise AssertionError


# ---- netmiko

session = ConnectHandler(
    device_type="juniper_junos", host=login["host"], port=login["port"], username=login["user"], password=login["password"]
)
assert session.find_prompt().endswith(">")
assert session.send_command("show version", use_textfsm=True)[0]["model"] == "vmx"
assert len(session.send_command("show interfaces extensive").splitlines()) > 60  # nothing was paged
assert "syntax error" in session.send_command("show nonsense")
session.send_config_set(["set interfaces ge-0/0/1 description netmiko"], exit_config_mode=False)
assert "netmiko" in session.send_command("show | compare", expect_string=r"#")
assert "configuration check succeeds" in session.commit(check=True)
assert "automatically rolled back in 5 minutes" in session.commit(confirm=True, confirm_delay=5, comment="by netmiko")
assert "commit complete" in session.commit(and_quit=True)
assert "by netmiko" in session.send_command("show system commit")
try:
    session.send_config_set(["set system nonsense 1"], error_pattern="syntax error")
    raise AssertionError("the error was not recognised")
except ConfigInvalidException:
    pass
session.send_config_set(["rollback 1", "show | compare"], exit_config_mode=False)
assert "commit complete" in session.commit(and_quit=True)
with tempfile.TemporaryDirectory() as folder:
    source, back = Path(folder) / "there.txt", Path(folder) / "back.txt"
    source.write_text("a line\n" * 1000)
    assert transferred(source_file=str(source), dest_file="there.txt", direction="put")
    assert transferred(source_file="there.txt", dest_file=str(back), direction="get")
    assert back.read_text() == source.read_text()
session.disconnect()

# ---- scrapli

auth = AuthOptions(username=login["user"], password=login["password"])
cli = Cli(login["host"], port=login["port"], definition_file_or_name="juniper_junos", auth_options=auth,
          transport_options=Ssh2Options())  # fmt: skip
with cli:
    assert "Model: vmx" in cli.send_input("show version").result
    for wrong in ("show nonsense", "nonsense"):
        assert cli.send_input(wrong).failed
    for mode in ("configuration", "configuration_exclusive", "configuration_private"):
        assert not cli.send_input(f"set interfaces ge-0/0/1 description {mode}", requested_mode=mode).failed
        assert mode in cli.send_input("show | compare", requested_mode=mode).result
        assert "commit complete" in cli.send_input("commit", requested_mode=mode).result
    assert cli.send_input("show interfaces ge-0/0/1 | match Description").result.strip() == "Description: configuration_private"
print("done")
