#!/usr/bin/env bash
# Measures the server on this machine with the load harness beside the repository (../shared/bench).
#   scripts/bench.sh [CASE...]      cases of the harness: ivr, echo, cps ... (none: ivr echo cps)
# The server runs on core 0, the load on the other one; tables land in bench/work/.
set -euo pipefail
cd "$(dirname "$0")/.."
harness=../shared/bench
venv=${VENV:-.venv}
port=${PORT:-5060}
if [ ! -d "$harness" ]; then
    echo "no load harness at $harness: nothing measured" >&2
    exit 1
fi
mkdir -p bench/work
cp -R "$harness/." bench/work/
for tool in rtpload rtpecho; do
    gcc -O2 -o "bench/work/$tool" "bench/work/$tool.c"
done
if [ ! -x bench/work/venv/bin/python ]; then
    python3 -m venv bench/work/venv
    bench/work/venv/bin/python -m pip install --quiet --disable-pip-version-check av numpy
fi
(cd bench/work && venv/bin/python mkmedia.py)

taskset -c 0 "$venv/bin/voipbin-sip" serve --config bench/voipbin.yaml >bench/work/server.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 150); do
    grep -q '^ready ' bench/work/server.log && break
    kill -0 "$server" 2>/dev/null || { cat bench/work/server.log >&2; exit 1; }
    sleep 0.1
done
[ $# -gt 0 ] || set -- ivr echo cps
cd bench/work
for case in "$@"; do
    taskset -c 1 venv/bin/python bench.py "$case" --port "$port" --pid "$server" --label voipbin_sip
done
