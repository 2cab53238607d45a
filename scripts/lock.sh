#!/usr/bin/env bash
# Writes requirements-lock.txt anew: the versions that pip chooses today for the server and its tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/python.sh
. scripts/python.sh
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
make_venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]'
{
    echo '# The versions that are tested together, for "pip install -c". Written by "make lock"; not edited by hand.'
    "$folder/venv/bin/python" -m pip freeze --exclude-editable
} >"$folder/lock.txt"
mv "$folder/lock.txt" requirements-lock.txt
