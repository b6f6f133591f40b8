#!/usr/bin/env bash
# Makes this checkout ready to run: the distribution's packages, .venv from the lock file, the CPU generator.
# Safe to call at any time; does only what is missing.
set -euo pipefail

# where systems keep the certificates that they trust: Debian, Fedora, openSUSE, Alpine
SYSTEM_CERTIFICATES=(
    /etc/ssl/certs/ca-certificates.crt
    /etc/pki/tls/certs/ca-bundle.crt
    /etc/ssl/ca-bundle.pem
    /etc/ssl/cert.pem
)

say() { printf 'setup: %s\n' "$*" >&2; }
die() { printf 'setup: %s\n  fix: %s\n' "$1" "$2" >&2; exit 1; }

install_debian_packages() {
    command -v dpkg-query >/dev/null || { require_programs; return; }
    local installed need missing=() optional=()
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p')
    while read -r need; do
        is_met "${need% \?}" "$installed" && continue
        if [[ $need == *" ?" ]]; then optional+=("${need% \?}"); else missing+=("$need"); fi
    done < <(grep -Ev '^(#|$)' setup/debian-packages.txt)

    # only with fresh lists is it known what the distribution has
    [ ${#missing[@]} -eq 0 ] || [ "$(id -u)" -ne 0 ] || apt-get update -qq
    for need in "${optional[@]}"; do
        [ -z "$(apt-cache show $need 2>/dev/null)" ] || missing+=("$need")
    done
    [ ${#missing[@]} -eq 0 ] && return

    local line
    line=$(printf '%s, ' "${missing[@]}")
    line=${line%, }
    if [ "$(id -u)" -ne 0 ]; then
        die "packages are missing and installing them needs root" \
            "sudo apt-get update && sudo apt-get satisfy -y --no-install-recommends \"$line\""
    fi
    say "installing packages: $line"
    DEBIAN_FRONTEND=noninteractive apt-get satisfy -y -qq --no-install-recommends "$line" >/dev/null
}

# is_met "a | b" NAMES: is one of the alternatives among the installed packages, one name a line?
is_met() { grep -qxF "${1// | /$'\n'}" <<<"$2"; }

require_programs() {
    local program missing=()
    for program in verilator riscv64-unknown-elf-gcc riscv64-unknown-elf-g++ gcc g++ mvn java; do
        command -v "$program" >/dev/null || missing+=("$program")
    done
    [ -n "$(compgen -c clang++)" ] || missing+=(clang++)
    [ ${#missing[@]} -eq 0 ] || die "this is not Debian, and programs are missing: ${missing[*]}" \
        "install what README.md lists under \"Other systems\", then call make again"
}

# The newest Python on PATH that the lock file is for and that can make an environment: Debian has
# what it takes in a package apart.
find_python() {
    local minor candidate
    for minor in 13 12 11; do
        for candidate in $(type -ap "python3.$minor" python3); do
            if "$candidate" -c "import ensurepip, sys, venv
sys.exit(sys.version_info[:2] != (3, $minor))" 2>/dev/null; then
                echo "$candidate"
                return
            fi
        done
    done
    die "no Python of 3.11 to 3.13 with venv and ensurepip is installed" \
        "install one (Debian, Ubuntu: apt-get install python3-venv)"
}

# pip_setting NAME: what pip was told by its environment, else by a file of its configuration.
# Not `pip config get`, which knows neither PIP_* nor PIP_CONFIG_FILE.
pip_setting() {
    local all
    all=$(.venv/bin/python -m pip config list | sed -n "s/^\(:env:\|global\)\.$1='\(.*\)'\$/\2/p")
    echo "${all%%$'\n'*}"  # in the order of the alphabet, so `:env:` comes first
}

# Let pip and uv trust the same certificates: those that you named for either, else the system's,
# as apt does. Their own lists do not have the proxy of a company or a university.
trust_certificates() {
    local system='' file of_pip
    for file in "${SYSTEM_CERTIFICATES[@]}"; do
        [ ! -s "$file" ] || { system=$file; break; }
    done
    of_pip=$(pip_setting cert)
    of_pip=${of_pip:-${REQUESTS_CA_BUNDLE:-${CURL_CA_BUNDLE:-${SSL_CERT_FILE:-$system}}}}
    [ -n "$of_pip" ] || return 0  # no store at all: they use their own lists
    export PIP_CERT=$of_pip SSL_CERT_FILE=${SSL_CERT_FILE:-$of_pip}  # the latter is for uv
}

# in a shell of its own: what is exported here is for the two installers
install_python_packages() (
    stamp=$(cat requirements.lock setup/bootstrap.lock | sha256sum | cut -d' ' -f1)
    [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ] && return
    python=$(find_python)
    say "installing Python packages into .venv (about 2 GB)"
    [ -x .venv/bin/python ] || "$python" -m venv .venv
    trust_certificates
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r setup/bootstrap.lock
    # uv installs in seconds what takes pip minutes; it does not read pip's configuration
    index=${UV_DEFAULT_INDEX:-$(pip_setting index-url)}
    [ -z "$index" ] || export UV_DEFAULT_INDEX=$index
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock
    echo "$stamp" >.venv/.stamp
)

main() {
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    install_debian_packages
    install_python_packages
    exec .venv/bin/python -m runners.prepare
}

# sourced by tests, which call one function at a time
[ "${BASH_SOURCE[0]}" != "$0" ] || main
