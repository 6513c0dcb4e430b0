"""Files that all servers on one PostgreSQL have: what one changes, the others have at their next look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.postgresql import Cluster

from rackless.store.database import Database
from rackless.workflows.sharing import Sharing


class Server:
    def __init__(self, top: Path, database: Database) -> None:
        self.state = top
        self.state.mkdir(mode=0o700)
        self.sharing = Sharing(self.state, database)
        self._database = database

    def put(self, name: str, content: str) -> None:
        path = self.state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def files(self) -> dict[str, str]:
        found = (path for path in self.state.rglob("*") if path.is_file() and path.name != "shared.json")
        return {str(path.relative_to(self.state)): path.read_text() for path in found}

    def again(self) -> None:
        """Started anew."""
        self.sharing = Sharing(self.state, self._database)


@pytest.fixture
def servers(tmp_path: Path, cluster: Cluster) -> Iterator[tuple[Server, Server]]:
    url = cluster.ready()
    databases = [Database(url) for _ in range(2)]
    yield Server(tmp_path / "a", databases[0]), Server(tmp_path / "b", databases[1])
    for one in databases:
        one.close()


async def look(*servers: Server) -> None:
    for one in servers:
        await one.sharing.look()


async def test_what_one_makes_changes_and_removes_the_other_has(servers: tuple[Server, Server]) -> None:
    one, other = servers
    one.put("hosts/ca.pem", "authority")
    one.put("hosts/munich.json", "enrolled")
    one.put("server.id", "mine")
    other.put("saved/lab/west.set", "set system host-name west\n")
    await look(one, other, one)
    common = {"hosts/ca.pem": "authority", "hosts/munich.json": "enrolled", "saved/lab/west.set": "set system host-name west\n"}
    assert other.files() == common
    assert one.files() == {**common, "server.id": "mine"}
    assert (other.state / "hosts/ca.pem").stat().st_mode & 0o777 == 0o600
    other.put("hosts/munich.json", "another boot")
    (one.state / "saved/lab/west.set").unlink()
    one.again()
    await look(one, other, one)
    assert one.files() == {"hosts/ca.pem": "authority", "hosts/munich.json": "another boot", "server.id": "mine"}
    assert "saved/lab/west.set" not in other.files()


async def test_who_comes_later_takes_what_is_there(servers: tuple[Server, Server]) -> None:
    """Both have made an authority of their own: the first one's is everybody's."""
    one, other = servers
    one.put("hosts/ca.pem", "first")
    other.put("hosts/ca.pem", "second")
    await look(one, other)
    assert other.files() == one.files() == {"hosts/ca.pem": "first"}
    one.put("hosts/ca.pem", "from one")
    other.put("hosts/ca.pem", "from other")
    await look(other, one)
    assert one.files() == other.files() == {"hosts/ca.pem": "from other"}
