"""YAML text -> Blueprint; every error names file, line, column, the value and what would be right."""

from rackless.blueprints.load import load, references
from rackless.blueprints.structure import schema_text

__all__ = ["load", "references", "schema_text"]
