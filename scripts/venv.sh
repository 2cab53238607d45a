#!/usr/bin/env bash
# Makes (or updates) the virtual environment VENV with this project and the given extras.
#   scripts/venv.sh VENV [EXTRAS]        e.g. scripts/venv.sh .venv test
# Versions come from requirements-lock.txt. A Debian without python3-venv gets it by apt where we are root.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
extras=${2:-}
# shellcheck source=scripts/python.sh
. scripts/python.sh

make_venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint requirements-lock.txt --editable ".${extras:+[$extras]}"
