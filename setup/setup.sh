#!/usr/bin/env bash
# Makes this checkout ready to run: Debian packages, .venv from the lock file, the CPU generator.
# Safe to call at any time; does only what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n  fix: %s\n' "$1" "$2" >&2; exit 1; }

install_debian_packages() {
    local wanted missing=()
    wanted=$(grep -v '^#' setup/debian-packages.txt)
    if ! command -v dpkg-query >/dev/null; then
        command -v verilator clang-14 riscv64-unknown-elf-gcc mvn java gcc >/dev/null && return
        die "this is not Debian and a program is missing" \
            "install what README.md lists under \"Other systems\", then call make again"
    fi
    local have
    # dpkg-query fails when one name is unknown to it; that is what we look for
    have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || [ $? -eq 1 ])
    for package in $wanted; do
        grep -qx "installed $package" <<<"$have" || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        die "Debian packages are missing and installing them needs root" \
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}"
    fi
    say "installing Debian packages: ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

find_python() {
    for candidate in python3.11 /usr/bin/python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    die "Python 3.11 is not installed" "install it (Debian 12: apt-get install python3-venv)"
}

install_python_packages() {
    local stamp
    stamp=$(cat requirements.lock setup/bootstrap.lock | sha256sum | cut -d' ' -f1)
    [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && return
    local python
    python=$(find_python)
    say "installing Python packages into .venv (about 2 GB)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r setup/bootstrap.lock
    # uv installs in seconds what takes pip minutes; it does not read pip's configuration
    local index
    if [ -z "${UV_DEFAULT_INDEX:-}" ] && index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null); then
        export UV_DEFAULT_INDEX=$index
    fi
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock
    echo "$stamp" >.venv/.stamp
}

install_debian_packages
install_python_packages
exec .venv/bin/python -m runners.prepare
