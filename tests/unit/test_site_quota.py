"""The default quota in the site file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from rackless.model.errors import InputError
from rackless.routers.families import FAMILIES
from rackless.sandboxes.site_file import load_site


def test_every_limit_is_read_and_the_others_are_none(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text("quota:\n  labs: 3\n  memory: 32G\n  disk: 512\n  machine_hours: 2000\n  longest: 3d\n  ahead: 1w\n")
    quota = load_site(file, FAMILIES).quota
    assert (quota.labs, quota.memory, quota.disk, quota.machine_hours) == (3, 32 * 1024, 512, 2000)
    assert (quota.longest, quota.ahead, quota.routers) == (3 * 86400, 7 * 86400, math.inf)
    assert load_site(tmp_path / "none.yaml", FAMILIES).quota.labs == math.inf


@pytest.mark.parametrize(
    "text", ["quota: 3", "quota: {cars: 1}", "quota: {labs: many}", "quota: {memory: 3X}", "quota: {longest: 3}"]
)
def test_what_is_no_quota_is_refused_with_the_way_out(tmp_path: Path, text: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match="quota") as found:
        load_site(file, FAMILIES)
    assert found.value.hint
