"""What to read, said to a PropertyCollector: some properties of objects that are known, or of those in a folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyVmomi import vim, vmodl

_COLLECTOR = vmodl.query.PropertyCollector


def of(objects: Iterable[Any], kind: Any, *paths: str) -> Any:
    """`paths` of each of these objects, all of one kind."""
    return _COLLECTOR.FilterSpec(
        objectSet=[_COLLECTOR.ObjectSpec(obj=one) for one in objects],
        propSet=[_COLLECTOR.PropertySpec(type=kind, pathSet=list(paths))],
    )


def below(folder: Any, wanted: Mapping[Any, tuple[str, ...]]) -> Any:
    """`wanted` (kind -> paths) of what is in the folder and in its folders, however deep."""
    deeper = _COLLECTOR.SelectionSpec(name="deeper")
    children = _COLLECTOR.TraversalSpec(name="deeper", type=vim.Folder, path="childEntity", skip=False, selectSet=[deeper])
    return _COLLECTOR.FilterSpec(
        objectSet=[_COLLECTOR.ObjectSpec(obj=folder, skip=True, selectSet=[children])],
        propSet=[_COLLECTOR.PropertySpec(type=kind, pathSet=list(paths)) for kind, paths in wanted.items()],
    )


def along(start: Any, kind: Any, path: str, wanted: Mapping[Any, tuple[str, ...]], further: tuple[Any, str] | None = None) -> Any:
    """`wanted` of what the property `path` of `start` names; `further` (kind, path) goes one step more from there."""
    second = [_COLLECTOR.TraversalSpec(type=further[0], path=further[1], skip=False)] if further is not None else []
    first = _COLLECTOR.TraversalSpec(type=kind, path=path, skip=False, selectSet=second)
    return _COLLECTOR.FilterSpec(
        objectSet=[_COLLECTOR.ObjectSpec(obj=start, skip=True, selectSet=[first])],
        propSet=[_COLLECTOR.PropertySpec(type=one, pathSet=list(paths)) for one, paths in wanted.items()],
    )
