#!/usr/bin/env bash
# Runs one stage of a make target and prints its name, its time and whether it failed.
#   scripts/stage.sh NAME COMMAND [ARGUMENT...]
set -u
name=$1
shift
printf '== %s\n' "$name"
start=${EPOCHREALTIME/[.,]/}
"$@"
status=$?
spent=$((${EPOCHREALTIME/[.,]/} - start))
word=ok
[ "$status" = 0 ] || word="FAILED ($status)"
printf '== %s: %s, %d.%01d s\n' "$name" "$word" $((spent / 1000000)) $((spent / 100000 % 10))
exit "$status"
