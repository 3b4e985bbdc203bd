#!/usr/bin/env bash
# `make setup`: the system packages that are missing, then .venv from the hashed lock, then tinyml.
# Safe to interrupt: the stamp is written last, and a .venv without a full stamp is made again.
set -euo pipefail
cd "$(dirname "$0")/.."

lock=requirements/py311.lock
stamp=.venv/.tinyml-setup
say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# The lock holds wheels for one platform: TensorFlow Federated has none for others.
[ "$(uname -s) $(uname -m)" = "Linux x86_64" ] ||
    die "the locked environment is for Linux on x86_64, this is $(uname -s) on $(uname -m);" \
        "export, inspect, validate and bench work here too: pip install ."

exec 9<"$lock" && flock 9 # two set-ups at a time would undo each other

# ---- system packages -------------------------------------------------------------------------

is_python311() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }

# All that PATH has, not only the first, which may be a shim whose Python is not there; but not the
# .venv that is about to be made again.
find_python() {
    local candidate
    while read -r candidate; do
        if [[ $candidate != *.venv/bin/* ]] && is_python311 "$candidate"; then
            echo "$candidate"
            return
        fi
    done < <(echo "${PYTHON:-}"; type -ap python3.11 python3)
}

# One name a line. Each check uses the tool: Debian splits compilers from their libraries.
missing_packages() {
    [ -n "$env_ready" ] || "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3.11-venv
    gcc -fsyntax-only -include stdio.h -x c /dev/null 2>/dev/null || printf '%s\n' gcc libc6-dev
    arm-none-eabi-gcc --version >/dev/null 2>&1 || echo gcc-arm-none-eabi
    [ -f "$(arm-none-eabi-gcc -mcpu=cortex-m4 -print-file-name=libc.a 2>/dev/null)" ] ||
        echo libnewlib-arm-none-eabi
    # read whole: grep -q would close the pipe early, which pipefail takes for a failure
    grep -q mps2-an386 <<<"$(qemu-system-arm -machine help 2>/dev/null)" || echo qemu-system-arm
}

install_packages() {
    local root=()
    command -v apt-get >/dev/null ||
        die "this system has no apt; install what Debian calls: $* (then run make setup again)"
    if [ "$(id -u)" -ne 0 ]; then
        root=(sudo)
        [ -t 0 ] || root+=(-n) # nobody is there to type a password
        command -v sudo >/dev/null && "${root[@]}" true ||
            die "not root, and sudo does not work; as root: apt-get install $*"
    fi
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    local install=("${apt[@]}" install -y --no-install-recommends "$@")
    say "installing with apt: $*"
    # The package lists may be missing or old, and an earlier run may have been interrupted.
    "${install[@]}" >/dev/null 2>&1 </dev/null || {
        "${root[@]}" dpkg --configure -a </dev/null >&2 || true
        "${apt[@]}" update </dev/null >&2
        "${install[@]}" </dev/null >&2
    } || die "apt could not install them; install by hand: $*"
}

# ---- what is to do, then doing it -----------------------------------------------------------

# Scripts in .venv hold its absolute path, so a moved checkout needs a new one too.
wanted_env=$({ pwd; cat "$lock"; } | sha256sum | cut -d' ' -f1)
wanted_package=$(sha256sum <pyproject.toml | cut -d' ' -f1)
read -r has_env has_package 2>/dev/null <"$stamp" || has_env='' has_package=''
env_ready=''
[ "$has_env" != "$wanted_env" ] || ! .venv/bin/python -c '' 2>/dev/null || env_ready=yes

if [ -z "$env_ready" ]; then
    if [ -e .venv/pyvenv.cfg ] && [ ! -e "$stamp" ]; then
        die ".venv was not made by make setup; move it away, then run make setup again"
    fi
    python=$(find_python)
    [ -n "$python" ] ||
        die "no Python 3.11 found; install python3.11 and python3.11-venv (apt has them on" \
            "Debian 12 and Ubuntu 22.04), or name one: make setup PYTHON=/path/to/python3.11"
fi

mapfile -t packages < <(missing_packages)
if [ "${#packages[@]}" -gt 0 ]; then
    install_packages "${packages[@]}"
    mapfile -t packages < <(missing_packages)
    [ "${#packages[@]}" -eq 0 ] || die "installed with apt, but still not working: ${packages[*]}"
fi

pip=(.venv/bin/python -m pip --disable-pip-version-check install --no-deps)
if [ -z "$env_ready" ]; then
    say "making .venv (about 500 MB to download, 2 GB on disk)"
    rm -rf .venv/pyvenv.cfg # first, so that an interrupted rm leaves nothing taken for the user's
    rm -rf .venv
    mkdir .venv
    echo unfinished >"$stamp"
    "$python" -m venv .venv
    [ -t 2 ] || pip+=(--quiet)
    "${pip[@]}" --require-hashes --only-binary :all: -r "$lock" >&2 ||
        die "pip could not install $lock; run make setup again (downloads are kept)"
    echo "$wanted_env" >"$stamp"
fi
if [ -z "$env_ready" ] || [ "$has_package" != "$wanted_package" ]; then
    "${pip[@]}" --quiet --no-build-isolation --no-index -e . >&2 ||
        die "pip could not install tinyml itself"
    echo "$wanted_env $wanted_package" >"$stamp"
    say "done"
fi
