#!/bin/sh
# Installs what a make target needs from Debian's packages, and makes the
# tests' virtual environment. Says nothing when nothing is missing; changes
# nothing when it may not.
#
#   tests/setup.sh build       to compile and to draw the report's plots
#   tests/setup.sh check       the same, and what the tests need
#   tests/setup.sh lint | valgrind | cover | fuzz
#
# `make` calls it; there is no need to. PLATEAU_SETUP=skip turns it off, for
# a machine that is not Debian or that somebody else looks after.
set -eu

cd "$(dirname "$0")/.."

build="gcc libc6-dev libuv1-dev libcurl4-openssl-dev libinih-dev
    libjansson-dev libnghttp2-dev libssl-dev gnuplot-nox"
check="libcmocka-dev openssl python3 python3-dev python3-venv procps locales"

required=$build
optional=
venv=no
case "${1-}" in
build) ;;
check)
    required="$required $check"
    optional="chromium valgrind redis-tools graphviz"
    venv=yes
    ;;
lint)
    required="python3"
    optional="$build clang-format clang-tidy cppcheck"
    ;;
valgrind) required="$required $check valgrind" ;;
cover)
    required="$required $check gcovr"
    venv=yes
    ;;
fuzz) required="$required clang libclang-rt-14-dev" ;;
*)
    echo "usage: tests/setup.sh build|check|lint|valgrind|cover|fuzz" >&2
    exit 2
    ;;
esac
[ "${PLATEAU_SETUP-}" = skip ] && exit 0

# Prints those of the packages named that are not installed.
missing() {
    for p in "$@"; do
        s=$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null) || s=
        [ "$s" = installed ] || printf '%s ' "$p"
    done
}

# apt-get, silent unless it fails; waits while another one holds the lock.
install_packages() {
    mkdir -p build
    log=build/setup.log
    export DEBIAN_FRONTEND=noninteractive
    # A stale list is no reason to stop: the installation will tell.
    apt-get -q update >"$log" 2>&1 </dev/null || true
    # shellcheck disable=SC2086 # package names, split on purpose
    apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 \
        install $1 >>"$log" 2>&1 </dev/null
}

debian_packages() {
    if ! command -v dpkg-query >/dev/null 2>&1; then
        echo "setup: no dpkg here, so packages are not checked;" \
            "README.md lists what Plateau needs" >&2
        return 0
    fi
    # shellcheck disable=SC2086
    need=$(missing $required)
    # shellcheck disable=SC2086
    wish=$(missing $optional)
    [ -n "$need$wish" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        [ -z "$wish" ] || echo "setup: without ${wish% }," \
            "the steps that use it are skipped" >&2
        [ -n "$need" ] || return 0
        echo "setup: these Debian packages are missing: ${need% }" >&2
        echo "setup: nothing was changed; as root:" \
            "apt-get install ${need% }" >&2
        return 1
    fi
    if [ -n "$need" ]; then
        echo "setup: installing ${need% }" >&2
        if ! install_packages "$need"; then
            tail -n 20 build/setup.log >&2
            echo "setup: apt-get could not install ${need% }" \
                "(the end of build/setup.log is above)" >&2
            return 1
        fi
    fi
    if [ -n "$wish" ]; then
        echo "setup: installing ${wish% }" >&2
        install_packages "$wish" || echo "setup: could not install" \
            "${wish% }: the steps that use it are skipped" >&2
    fi
}

# The services the end-to-end tests run against, at pinned versions.
virtual_environment() {
    want=tests/requirements.txt
    have=build/venv/requirements.txt
    cmp -s "$want" "$have" && return 0
    python=/usr/bin/python3
    [ -x "$python" ] || python=python3
    echo "setup: making build/venv from $want" >&2
    mkdir -p build
    rm -rf build/venv
    if ! { "$python" -m venv build/venv &&
        build/venv/bin/python -m pip install --quiet --retries 5 \
            --disable-pip-version-check -r "$want"; } \
        >build/venv.log 2>&1 </dev/null; then
        tail -n 20 build/venv.log >&2
        echo "setup: could not make build/venv" \
            "(the end of build/venv.log is above)" >&2
        return 1
    fi
    cp "$want" "$have"
}

# Adds the packages of $1 to the environment $2, which is made if it is not
# there; without them the tests that use them are skipped.
more_packages() {
    want=$1
    have=$2/more.txt
    cmp -s "$want" "$have" && return 0
    echo "setup: adding $want to $2" >&2
    if { [ -x "$2/bin/python" ] || build/venv/bin/python -m venv "$2" &&
        "$2/bin/python" -m pip install --quiet --retries 2 \
            --disable-pip-version-check -r "$want"; } \
        >>build/venv.log 2>&1 </dev/null; then
        cp "$want" "$have"
    else
        echo "setup: could not install $want (the end of build/venv.log" \
            "tells): the steps that use it are skipped" >&2
    fi
}

debian_packages
if [ "$venv" = yes ]; then
    virtual_environment
    more_packages tests/patients/requirements.txt build/venv
    # Not in the other: memray would record every service there.
    more_packages tests/e2e/memray.txt build/memray
fi
