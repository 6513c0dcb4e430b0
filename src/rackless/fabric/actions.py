"""Kinds of tasks that a decider gives itself. Each may be done twice, and under its term and epoch only."""

from __future__ import annotations

from collections.abc import Mapping

HAND_ON = "hand-on"
"""What `node` ran below `term` goes to nodes that live; its own later writes under an older term are refused."""
REPORT = "report"
"""Machines of labs that were on `node` are lost from sight: said so in their labs."""
REPORT_BACK = "report-back"
"""They are there again."""
REMOVE_VOTE = "remove-vote"
"""`node` is taken out of etcd's members."""
ADD_VOTE = "add-vote"
"""`node` is made one of etcd's members, as a learner first."""
APPLY = "apply"
"""Every node that lives is handed the layout; those that do not, take it when they return."""
MOVE_LEADER = "move-leader"
"""etcd's leader goes to `node`."""
SWITCH_OVER = "switch-over"
"""The primary leaves `node` in order."""
INSTALL = "install"
"""`node` installs the release `text` and starts again."""
TELL = "tell"
"""An alarm was raised or cleared: `text` is the alarm as text."""

KINDS: Mapping[str, str] = {
    HAND_ON: "hand on the jobs of",
    REPORT: "report the machines of",
    REPORT_BACK: "report the machines back of",
    REMOVE_VOTE: "take the vote from",
    ADD_VOTE: "give a vote to",
    APPLY: "hand out the layout",
    MOVE_LEADER: "move etcd's leader to",
    SWITCH_OVER: "move the primary from",
    INSTALL: "upgrade",
    TELL: "tell of",
}
