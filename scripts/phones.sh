#!/usr/bin/env bash
# Brings the phones that the end-to-end tests call with. Safe to run again: quick when everything is there.
# By apt where we are root: baresip, linphonec, sipp, sipsak, the proxy Kamailio, ip and nft for a NAT of our own, tmux
# as the terminal that commands are tried in, vi, the programs that the documentation uses (curl, jq, openssl, sqlite3),
# and PostgreSQL, which the tests start themselves, beside SQLite.
# By pip, in environments of their own below .phones/ (their licences stay out of the server's process): PJSIP's Python
# binding and pyVoIP.
# What cannot be had is no error here: its tests are skipped and say so.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
# shellcheck source=scripts/python.sh
. scripts/python.sh

missing_by_apt() {
    command -v baresip >/dev/null && [ -e /usr/lib/baresip/modules/sndfile.so ] || echo baresip-core
    [ -e /usr/lib/baresip/modules/avcodec.so ] || echo baresip-ffmpeg
    command -v linphonec >/dev/null || echo linphone-cli
    { command -v sipp >/dev/null && [ -e /usr/share/sip-tester/g711a.pcap ]; } || echo sip-tester
    command -v sipsak >/dev/null || echo sipsak
    command -v kamailio >/dev/null || echo kamailio
    command -v ip >/dev/null || echo iproute2
    command -v nft >/dev/null || echo nftables
    command -v tmux >/dev/null || echo tmux
    command -v vi >/dev/null || echo vim-tiny
    for name in curl jq openssl sqlite3; do
        command -v "$name" >/dev/null || echo "$name"
    done
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || echo postgresql
}

bring_by_apt() {
    local package
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "phones missing, their tests will be skipped: $* (install them with apt-get as root)"
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 || say "apt-get update failed; trying with the lists at hand"
    for package in "$@"; do # one by one: one that is not to be had must not cost the others
        apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>.phones/apt.log ||
            say "no $package, its tests will be skipped: $(tail -n 1 .phones/apt.log)"
    done
}

# bring_by_pip FOLDER MODULE REQUIREMENT
bring_by_pip() {
    local folder=.phones/$1 module=$2 requirement=$3
    "$folder/bin/python" -c "import $module" 2>/dev/null && return
    { make_venv "$folder" &&
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$requirement" \
            >.phones/pip.log 2>&1; } ||
        say "no $requirement, its tests will be skipped: $(tail -n 1 .phones/pip.log 2>/dev/null)"
}

mkdir -p .phones
packages=$(missing_by_apt)
# shellcheck disable=SC2086  # a list of words
[ -z "$packages" ] || bring_by_apt $packages
bring_by_pip pjsua2 pjsua2 pjsua2-python==2.15.1.post1
bring_by_pip pyvoip pyVoIP pyVoIP==1.6.8
