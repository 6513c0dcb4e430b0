"""Names of interfaces: the router's and the Unix ones that stand for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.ports import card_port, kernel_name, router_name

GUEST = Path(__file__).parents[2] / "guest"
PAIRS = {"ge-0-0-0": "ge-0/0/0", "ge-11-0-63.4094": "ge-11/0/63.4094", "ae0": "ae0", "ae12.70": "ae12.70", "lo": "lo0",
         "int": "em1", "fxp0": "fxp0", "xe-1-1-2": "xe-1/1/2", "et-0-0-0": "et-0/0/0"}  # fmt: skip


@pytest.mark.parametrize(("kernel", "name"), PAIRS.items())
def test_a_shown_interface_has_its_name(kernel: str, name: str) -> None:
    assert router_name(kernel) == name
    if "." not in name and name != "em1":
        assert kernel_name(name) == kernel


HIDDEN = ["", "eth0", "vx0", "red", "fe-0-0-0", "ge-0-0", "ge-0-0-0-0", "ge-0-0-x", "ge-0-0-\u0661", "ge-0-0-0.", "ge-0-0-0.x",
          "ge-0-0-0.1.2", "ae", "aex", "ae0.", "lo.1"]  # fmt: skip


@pytest.mark.parametrize("kernel", HIDDEN)
def test_any_other_is_not_shown(kernel: str) -> None:
    assert router_name(kernel) is None
    assert card_port(kernel) is None


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 16385))
def test_a_port_is_found_again_by_its_name(card: int, port: int, unit: int) -> None:
    name = f"ge-{card}/0/{port}"
    assert router_name(kernel_name(name)) == name
    assert card_port(kernel_name(name)) == (card, port)
    assert card_port(f"{kernel_name(name)}.{unit}") is None
    assert router_name(f"{kernel_name(name)}.{unit}") == f"{name}.{unit}"


def test_names_cost_no_import_of_regular_expressions() -> None:
    """Half a second of an emulated processor, in processes that otherwise do without."""
    code = (
        "import sys; sys.modules.pop('re', None); import system.ports, system.product, system.ifindex; print('re' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-Sc", code], cwd=GUEST, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
