"""YAML text -> Blueprint; every error names file, line, column, the value and what would be right."""

from rackless.blueprints.load import load, references
from rackless.blueprints.structure import schema_text
from rackless.blueprints.writing import without_secrets, written

__all__ = ["load", "references", "schema_text", "without_secrets", "written"]
