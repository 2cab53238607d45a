# shellcheck shell=bash
# Sourced by the other scripts: finds a Python that is new enough and makes virtual environments with it.

say() { printf '%s\n' "$*" >&2; }

# Prints the command of the first Python >= 3.11. PYTHON overrides the search.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    say "No Python 3.11 or newer found. Install python3 (Debian 12, Ubuntu 24.04 or newer have it), or name one: make PYTHON=/path/to/python3"
    return 1
}

# Debian ships venv and ensurepip apart from python3.
install_venv_module() {
    local version=$1
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "This Python cannot make virtual environments yet: installing python$version-venv"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends "python$version-venv" >/dev/null && return 0
    fi
    say "This Python cannot make virtual environments. Run: sudo apt-get install python$version-venv"
    return 1
}

# make_venv FOLDER: makes the virtual environment unless a working one is there.
make_venv() {
    local folder=$1 python version
    if "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
        return 0
    fi
    python=$(find_python)
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        install_venv_module "$version"
    fi
    rm -rf -- "$folder"
    "$python" -m venv "$folder"
}
