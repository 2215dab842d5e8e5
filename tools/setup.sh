#!/usr/bin/env bash
# Make the virtual environment: setup.sh PYTHON VENV. Called by the Makefile, safe to repeat.
#
# Everything is installed at the version and hash that constraints.txt names. Wheels may also
# come from folders in PIP_FIND_LINKS or UV_FIND_LINKS (a CPU build of torch, say).
set -euo pipefail
python=$1 venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    { echo "Python 3.11 or newer is needed, say by: make PYTHON=python3.12" >&2; exit 2; }
"$python" -m venv "$venv"

# uv reads PIP_FIND_LINKS under its own name only, with commas for spaces.
if [ -z "${UV_FIND_LINKS:-}" ] && [ -n "${PIP_FIND_LINKS:-}" ]; then
    export UV_FIND_LINKS=${PIP_FIND_LINKS// /,}
fi

sed -n '/^uv==/,/[^\\]$/p' constraints.txt >"$venv/uv.txt"
"$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r "$venv/uv.txt"

# Of 2.13.0 and a local 2.13.0+cpu uv takes the latter, but wants its hash under just that version.
cp constraints.txt "$venv/constraints.txt"
build=$("$venv/bin/python" -c 'import platform, sys
print("cp%d%d-*_%s" % (*sys.version_info[:2], platform.machine()))')
find_links=${UV_FIND_LINKS:-}
for folder in ${find_links//,/ }; do
    if compgen -G "$folder/torch-*+cpu-$build.whl" >/dev/null; then
        sed -E 's/^(torch==[0-9.]+) /\1+cpu /' constraints.txt >"$venv/constraints.txt"
    fi
done

# Compiled once: importing torch and transformers costs every process 12 s where Python may not
# write byte code (PYTHONDONTWRITEBYTECODE), and 5 s with it.
uv=("$venv/bin/uv" pip install --quiet --compile-bytecode --python "$venv/bin/python")
# An earlier +cpu satisfies a wanted 2.13.0, but has no hash under that name: uv gives up.
installed=$("$venv/bin/python" -c 'from importlib.metadata import distributions as d
print(*{x.version for x in d(name="torch")})')
everything=(--require-hashes -c "$venv/constraints.txt" -r pyproject.toml --all-extras)
if [ -n "$installed" ] && ! grep -q "^torch==$installed " "$venv/constraints.txt"; then
    everything+=(--reinstall-package torch)
fi
"${uv[@]}" "${everything[@]}"
"${uv[@]}" --no-deps --no-build-isolation --editable .
