#!/bin/bash
# check.sh: formatting, lint, strict types and import directions; prints nothing but what is wrong and one closing line.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
ruff format --check --quiet . || { echo "Hint: run .venv/bin/ruff format ." >&2; exit 1; }
ruff check --quiet .
mypy src packaging/generate_client.py
mypy --strict --python-version 3.11 --no-incremental guest
PYTHONPATH=src python packaging/generate_client.py --check
packaging/web.sh
packaging/web.sh check
lint-imports --no-cache >/tmp/rackless-imports.$$ || { cat /tmp/rackless-imports.$$; rm -f /tmp/rackless-imports.$$; exit 1; }
rm -f /tmp/rackless-imports.$$
leaks=$(git grep -nIE '/wor[k]/|deb\.debia[n]\.org|files\.pythonhoste[d]|pypi\.or[g]|registry\.npmj[s]' -- . || true)
[ -z "$leaks" ] || { echo "These lines name a workplace or a registry's host:"; echo "$leaks"; exit 1; }
echo "check: format, lint, types, imports, names are in order"
