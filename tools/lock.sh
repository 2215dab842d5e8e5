#!/usr/bin/env bash
# Write constraints.txt anew: lock.sh UV [more options of `uv pip compile`, such as --upgrade].
#
# It holds for every platform and Python version that the project supports. Beside the hashes of
# the registry's torch stands that of the CPU build for Linux (x86_64, CPython 3.11).
set -euo pipefail
uv=$1
shift
torch_cpu_version=2.13.0
torch_cpu_sha256=6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b

unset PIP_FIND_LINKS UV_FIND_LINKS # a local wheel would become the only one known
"$uv" pip compile pyproject.toml --output-file constraints.txt --quiet --no-header "$@" \
    --all-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url
sed -i.old -e "/$torch_cpu_sha256/d" \
    -e "s/^torch==$torch_cpu_version .*/&\n    --hash=sha256:$torch_cpu_sha256 \\\\/" constraints.txt
rm constraints.txt.old
grep -q "$torch_cpu_sha256" constraints.txt ||
    echo "torch moved: name the new CPU wheel's version and sha256 in tools/lock.sh" >&2
