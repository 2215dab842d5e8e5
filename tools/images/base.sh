#!/usr/bin/env bash
# A stand-in for python:3.11-slim where no image registry can be reached: base.sh ARCHIVE.
#
# Debian 12 without documentation, and its own Python 3.11 under the names and paths that the
# Dockerfile uses. Writes the root file system as a tar file.
set -euo pipefail
packages=usr-is-merged,ca-certificates,netbase,tzdata,python3-minimal,python3.11-venv
options=()
for folder in doc info locale man; do
    options+=(--dpkgopt="path-exclude=/usr/share/$folder/*")
done
options+=(--dpkgopt='path-include=/usr/share/doc/*/copyright' --dpkgopt=force-unsafe-io)
# shellcheck disable=SC2016 # mmdebstrap's shell expands $1
mmdebstrap --quiet --variant=minbase --include="$packages" "${options[@]}" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --customize-hook='ln -s /usr/bin/python3.11 "$1/usr/local/bin/python3"' \
    --customize-hook='ln -s python3 "$1/usr/local/bin/python"' \
    bookworm "$1"
