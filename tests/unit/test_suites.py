"""Suites that run only when what they cover has changed: each module of ours that such a story imports is among that, and each
that this one imports."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).parents[2]


def suites() -> ModuleType:
    spec = importlib.util.spec_from_file_location("suites", TOP / "packaging/suites.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


COVERED: dict[str, tuple[str, ...]] = suites().SUITES


def files_of(module: str) -> Iterator[Path]:
    """The module's, with those of the packages that it is in."""
    words = module.split(".")
    for count in range(1, len(words) + 1):
        place = TOP / "src" / Path(*words[:count])
        yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.exists())


def imported(file: Path) -> Iterator[Path]:
    package = file.relative_to(TOP).parent.parts
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "rackless":
                    yield from files_of(name.name)
        elif isinstance(node, ast.ImportFrom) and node.level:
            place = TOP.joinpath(*package[: len(package) - node.level + 1], *(node.module or "").split("."))
            found = [place.with_suffix(".py"), *(place / f"{name.name}.py" for name in node.names)]
            yield from (path for path in found if path.exists())
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rackless":
            for name in node.names:
                yield from files_of(f"{node.module}.{name.name}")


def reached(first: Path) -> set[Path]:
    seen: set[Path] = set()
    left = [first]
    while left:
        file = left.pop()
        if file not in seen:
            seen.add(file)
            left += imported(file)
    return seen


@pytest.mark.parametrize(
    ("suite", "test", "least"),
    [
        ("guest", "tests/guest/test_*.py", 30),
        ("vmhost-stories", "tests/stories/test_vmhost.py", 23),
        ("fabric-stories", "tests/stories/test_fabric_stories.py", 41),
    ],
)
def test_a_suite_covers_all_that_it_imports(suite: str, test: str, least: int) -> None:
    files = {str(path.relative_to(TOP)) for first in TOP.glob(test) for path in reached(first)}
    assert len(files) > least, files
    missing = [file for file in sorted(files) if not any(file == name or file.startswith(f"{name}/") for name in COVERED[suite])]
    assert missing == []


@pytest.mark.parametrize("suite", sorted(COVERED))
def test_what_a_suite_covers_is_there(suite: str) -> None:
    assert [name for name in COVERED[suite] if not (TOP / name).exists()] == []


def test_what_passed_on_a_tree_has_to_run_again_when_anything_of_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = suites()
    (tmp_path / "packaging").mkdir()
    for name, value in (("TOP", tmp_path), ("PASSED", tmp_path / "packaging/passed.txt"), ("ENDED", tmp_path / "build/all.txt")):
        monkeypatch.setattr(module, name, value)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("/build/\n")
    (tmp_path / "one.py").write_text("1\n")
    assert module.main("behind", "light") == 1
    module.main("ended", "light")
    assert [module.main("behind", name) for name in ("light", "machines")] == [0, 1]
    (tmp_path / "packaging/passed.txt").write_text("kills 0\n")
    assert module.main("behind", "light") == 0
    (tmp_path / "two.py").write_text("2\n")
    assert module.main("behind", "light") == 1
