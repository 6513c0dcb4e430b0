"""Who may use which route: one table, by the route's name. A route without a row can't be used by anybody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rackless.model.people import Role


class Over(StrEnum):
    """What a rule looks at, beside the role."""

    NOTHING = "nothing"
    LAB = "lab"
    """The lab `name` of the path: its owner, those it is shared with, operators."""
    OWN = "own"
    """The same, without those it is shared with."""
    JOB = "job"
    """The lab of the job `job` of the path, as LAB."""
    SELF = "self"
    """The user `user` of the path: that user, admins."""


@dataclass(frozen=True)
class Rule:
    """`role`: the least that it takes; None for everybody, also who is not known. `socket`: by the unix socket only."""

    role: Role | None
    over: Over = Over.NOTHING
    socket: bool = False


VIEWER, USER, OPERATOR, ADMIN = Role

RULES: Mapping[str, Rule] = {
    # the server
    "server": Rule(VIEWER),
    "whoami": Rule(VIEWER),
    "doctor": Rule(OPERATOR),
    "stop": Rule(ADMIN),
    "show_maintenance": Rule(OPERATOR),
    "put_maintenance": Rule(ADMIN),
    "show_metrics": Rule(VIEWER),
    "list_ports": Rule(VIEWER),
    "open_port": Rule(ADMIN, socket=True),
    "make_backup": Rule(ADMIN),
    "show_fabric": Rule(VIEWER),
    "list_alarms": Rule(VIEWER),
    "acknowledge_alarm": Rule(OPERATOR),
    # labs
    "make_plan": Rule(VIEWER),
    "blueprint_schema": Rule(VIEWER),
    "deploy": Rule(USER),
    "list_labs": Rule(VIEWER),
    "calendar": Rule(VIEWER),
    "list_bookings": Rule(VIEWER),
    "show": Rule(VIEWER, Over.LAB),
    "show_history": Rule(VIEWER, Over.LAB),
    "apply": Rule(USER, Over.OWN),
    "show_inventory": Rule(VIEWER, Over.LAB),
    "show_blueprint": Rule(VIEWER, Over.LAB),
    "list_snapshots": Rule(VIEWER, Over.LAB),
    "take_snapshot": Rule(USER, Over.OWN),
    "restore_snapshot": Rule(USER, Over.OWN),
    "remove_snapshot": Rule(USER, Over.OWN),
    "list_all_snapshots": Rule(OPERATOR),
    "revive_snapshot": Rule(OPERATOR),
    "remove_kept_snapshot": Rule(OPERATOR),
    "export_snapshot": Rule(ADMIN),
    "import_snapshot": Rule(ADMIN),
    "extend": Rule(USER, Over.OWN),
    "take_down": Rule(USER, Over.OWN),
    "list_shares": Rule(VIEWER, Over.LAB),
    "share": Rule(USER, Over.OWN),
    "unshare": Rule(USER, Over.OWN),
    # what is in them
    "connect": Rule(USER, Over.LAB),
    "disconnect": Rule(USER, Over.LAB),
    "link": Rule(USER, Over.LAB),
    "impair": Rule(USER, Over.LAB),
    "capture": Rule(USER, Over.LAB),
    "restart": Rule(USER, Over.LAB),
    "transcript": Rule(VIEWER, Over.LAB),
    "console": Rule(VIEWER, Over.LAB),
    "credentials": Rule(USER, Over.LAB),
    "save": Rule(USER, Over.LAB),
    "saved": Rule(USER, Over.LAB),
    "run": Rule(USER, Over.LAB),
    "shell": Rule(USER, Over.LAB),
    # how they are drawn
    "show_layout": Rule(VIEWER, Over.LAB),
    "put_layout": Rule(USER, Over.LAB),
    "change_layout": Rule(USER, Over.LAB),
    "export": Rule(VIEWER, Over.LAB),
    "show_counters": Rule(VIEWER, Over.LAB),
    "apply_connectivity_changes": Rule(USER, Over.LAB),
    "import_topology": Rule(VIEWER),
    # jobs
    "list_jobs": Rule(VIEWER, Over.LAB),
    "show_job": Rule(VIEWER, Over.JOB),
    "events": Rule(VIEWER, Over.JOB),
    "cancel": Rule(USER, Over.JOB),
    "stream_events": Rule(VIEWER),
    # the place
    "list_images": Rule(VIEWER),
    "prune": Rule(ADMIN),
    "warm_up": Rule(OPERATOR),
    "upload": Rule(ADMIN),
    "import_image": Rule(ADMIN),
    "prepare": Rule(ADMIN),
    "download": Rule(OPERATOR),
    "make_current": Rule(ADMIN),
    "list_places": Rule(OPERATOR),
    "check_place": Rule(OPERATOR),
    "clean_place": Rule(ADMIN),
    "import_to_place": Rule(ADMIN),
    "list_vm_hosts": Rule(OPERATOR),
    "invite_vm_host": Rule(ADMIN),
    "enroll_vm_host": Rule(None),
    "remove_vm_host": Rule(ADMIN),
    "evacuate_vm_host": Rule(ADMIN),
    "list_pools": Rule(OPERATOR),
    "list_hosts": Rule(OPERATOR),
    "show_audit": Rule(OPERATOR),
    "remove_leftovers": Rule(ADMIN),
    # locks
    "list_locks": Rule(VIEWER),
    "lock_log": Rule(VIEWER),
    "acquire_lock": Rule(USER),
    "renew_lock": Rule(USER),
    "release_lock": Rule(USER),
    "break_lock": Rule(ADMIN),
    # sessions
    "log_in": Rule(None),
    "list_providers": Rule(None),
    "begin_login": Rule(None),
    "end_login": Rule(None),
    "log_out": Rule(VIEWER),
    "make_ticket": Rule(VIEWER),
    "list_sessions": Rule(VIEWER, Over.SELF),
    "end_sessions": Rule(VIEWER, Over.SELF),
    "end_session": Rule(VIEWER, Over.SELF),
    # people
    "list_users": Rule(ADMIN),
    "add_user": Rule(ADMIN),
    "change_user": Rule(ADMIN),
    "remove_user": Rule(ADMIN),
    "list_tokens": Rule(VIEWER, Over.SELF),
    "add_token": Rule(VIEWER, Over.SELF),
    "revoke_token": Rule(VIEWER, Over.SELF),
    "change_password": Rule(VIEWER, Over.SELF),
    "log": Rule(ADMIN),
    "show_quota": Rule(VIEWER, Over.SELF),
    "change_quota": Rule(ADMIN),
    "list_groups": Rule(ADMIN),
    "add_group": Rule(ADMIN),
    "remove_group": Rule(ADMIN),
    "join_group": Rule(ADMIN),
    "leave_group": Rule(ADMIN),
    "show_group_quota": Rule(ADMIN),
    "change_group_quota": Rule(ADMIN),
}
