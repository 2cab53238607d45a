#!/usr/bin/env bash
# Measures the server with the load harness on two cores: server on core 0, generator on core 1.
#   bench/run.sh [CASE ...]        cases: ceiling ivr echo cps startup bridge bridge-alaw bridge-g722 conf1 conf3 register
#   N=2000 DUR=600 bench/run.sh register   phones that stay registered; 90 s where nothing is said
# Needs gcc and the harness beside the repository (../shared/bench). Tables go to bench/work/results/.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-$PWD/.venv/bin/python}
server=${SERVER:-$(dirname "$python")/voipbin-sip}
cd bench
harness=${HARNESS:-../../shared/bench}
cases=${*:-ceiling ivr echo cps startup bridge bridge-alaw bridge-g722 conf1 conf3}
[ -d "$harness" ] || { echo "bench: no load harness at $harness; set HARNESS" >&2; exit 1; }

mkdir -p work
cp -ru "$harness"/. work/
chmod -R u+w work
cd work
[ -x rtpload ] || gcc -O2 -o rtpload rtpload.c
[ -x rtpecho ] || gcc -O2 -o rtpecho rtpecho.c
rm -rf config && cp -r ../config .
"$python" ../rooms.py ../config/directory.yaml > config/directory.yaml
[ -f media/prompt.wav ] || "$python" mkmedia.py
ulimit -n "$(ulimit -Hn)"
mkdir -p results

server_pid=
stop() { [ -z "$server_pid" ] || { kill "$server_pid"; wait "$server_pid" || true; server_pid=; }; }
trap stop EXIT
start() {
  taskset -c 0 "$server" serve --config config/voipbin.yaml > results/server.out 2> results/server.log &
  server_pid=$!
  for _ in $(seq 100); do grep -q '^ready ' results/server.out && return; sleep 0.1; done
  echo "bench: the server did not start; see bench/work/results/server.log" >&2
  exit 1
}

loads() {
  case $1 in
    bridge) echo 200,400,600,800 ;;
    bridge-alaw) echo 200,400,600 ;;
    bridge-g722) echo 75,150,200,300 ;;
    conf1) echo 250,500,750 ;;
    conf3) echo 300,600,900 ;;
    *) echo 200,400,800,1000,1400,2000 ;;
  esac
}

for name in $cases; do
  case $name in
    ceiling)
      taskset -c 0 ./rtpecho epc 31000 5000 > /dev/null 2>&1 & echo_pid=$!
      sleep 0.5
      python3 bench.py echo --label ceiling --pid $echo_pid --raw 31000 --stride 2 --n "${N_CEILING:-500,1000,2000}" \
        --refine 0 --dur 6 --settle 1 | tee results/ceiling.md
      kill $echo_pid ;;
    startup)
      python3 startup.py 5060 5 bash -c "taskset -c 0 '$server' serve --config config/voipbin.yaml > /dev/null 2>&1 & echo \$! > results/startup.pid" \
        -- bash -c 'kill "$(cat results/startup.pid)"' | tee results/startup.md ;;
    register)
      "$python" ../register.py --server "$server" --phones "${N:-2000}" --seconds "${DUR:-90}" |
        tee results/register.md ;;
    cps)
      start
      python3 bench.py cps --label voipbin_sip --pid $server_pid --dur 8 --cps-rates "${N_CPS:-100,200,300,400,600,800}" \
        --refine 1 | tee results/cps.md
      stop ;;
    *)
      start
      python3 bench.py "$name" --label voipbin_sip --pid $server_pid --rate "${RATE:-100}" --dur "${DUR:-10}" --refine "${REFINE:-2}" \
        --n "${N:-$(loads "$name")}" | tee "results/$name.md"
      stop ;;
  esac
done
