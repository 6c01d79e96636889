#!/usr/bin/env bash
# Installs the Debian packages that Tenantry's build and tests need, and only those which are missing.
#
#   scripts/install-deps.sh build          to compile and run Tenantry
#   scripts/install-deps.sh build test     also to run `make test`
#   scripts/install-deps.sh sdk            for `make sdk`
#   scripts/install-deps.sh image          for `make image`
#   scripts/install-deps.sh --list …       print the packages and their reasons, install nothing
#
# Why a script: a fresh machine should need one command, and a machine that has everything should not be touched. It says
# what it installs and why, leaves no service behind that it started, and without the right to install it
# prints the command that an administrator has to run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

# THE list: group | package | why. A new system library is one line here (and, if the binaries load it at run time, one in
# deploy/docker/Dockerfile).
PACKAGES=(
    "build | build-essential | the C compiler that aws-lc-sys (cryptography) and libsqlite3-sys (SQLite) are built with, the linker, and make"
    "build | pkg-config      | build scripts ask it where system libraries are"
    "build | ca-certificates | the certificates that downloads of crates, and Tenantry's own HTTPS clients, are checked against"
    "build | libxml2-dev     | the XML library of samael, which verifies SAML signatures a second time"
    "build | libxmlsec1-dev  | the signatures of the same"
    "build | libxmlsec1-openssl | what those compute with"
    "build | libssl-dev      | what that is linked with"
    "build | clang           | tells bindgen, which samael's build runs, where C headers are"
    "build | libclang-dev    | reads those headers for it"
    "test  | postgresql-15   | the tests run against a private PostgreSQL 15 cluster as well as SQLite"
    "test  | redis-server    | the tests run against a private Redis 7 as well as the in-memory store"
    "test  | pgbouncer       | the tests run through a pooler in transaction mode"
    "test  | openssl         | the tests make throw-away TLS certificates with it"
    "test  | faketime        | the tests move the clock under running processes"
    "test  | python3-aiosmtpd | a real mail server with STARTTLS and AUTH, to which the tests send mail"
    "test  | dnsmasq-base    | a real name server, at which the tests prove domains"
    "test  | python3-authlib | an OAuth client that knows nothing of us, which gets tokens"
    "test  | python3-requests | what it speaks HTTP with"
    "test  | python3-pysaml2 | a SAML provider that knows nothing of us, through which people sign in, and a service that takes SAML"
    "test  | xmlsec1         | what that signs and encrypts with"
    "test  | caddy           | a real proxy that asks before it gets a certificate for a host"
    "test  | rsyslog         | a real syslog server, to which the tests forward logs"
    "test  | rsyslog-openssl | its TLS"
    "test  | nodejs          | what the OpenID clients of tests/clients and our SDK run in"
    "test  | npm             | gets them"
    "test  | chromium        | a real browser, in which people sign in"
    "sdk   | nodejs          | what the SDK is built and tested with"
    "sdk   | npm             | gets its compiler and its generator"
    "image | buildah         | executes the Dockerfile without a container engine"
    "image | mmdebstrap      | makes the base images from the Debian mirror instead of a registry"
    "image | curl            | asks the container how it is"
)

POLICY=/usr/sbin/policy-rc.d
CLUSTER_CONF=/etc/postgresql-common/createcluster.d/tenantry-no-main-cluster.conf
log=''
undo=() # files that this run created and must remove again

main() {
    local list=no
    if [[ ${1:-} == --list ]]; then
        list=yes
        shift
    fi
    check_groups "$@"
    if [[ $list == yes ]]; then
        rows "$@" | while IFS='|' read -r package reason; do printf '%-16s %s\n' "$package" "$reason"; done
        return
    fi
    install_missing "$@"
}

check_groups() {
    (($#)) || die "say which packages: scripts/install-deps.sh build | test | sdk | image"
    local group
    for group in "$@"; do
        [[ $group =~ ^(build|test|sdk|image)$ ]] || die "unknown group \"$group\": it is build, test, sdk or image"
    done
}

# rows GROUP…: "package|reason" lines.
rows() {
    local row group package reason
    for row in "${PACKAGES[@]}"; do
        IFS='|' read -r group package reason <<<"$row"
        [[ " $* " == *" ${group// /} "* ]] && printf '%s|%s\n' "${package// /}" "${reason# }"
    done
    return 0
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

# Node often comes from elsewhere, npm in the same package; Debian's could not be installed beside it.
there() {
    case $1 in
    nodejs) have node || installed "$1" ;;
    npm) have npm || installed "$1" ;;
    *) installed "$1" ;;
    esac
}

install_missing() {
    if ! have dpkg-query || ! have apt-get; then
        say "This is not a Debian system, so nothing was installed. Tenantry needs what these Debian packages hold:"
        rows "$@" | sed 's/^\([^|]*\)|/  \1: /' >&2
        return
    fi
    local missing=() package reason
    while IFS='|' read -r package reason; do
        there "$package" && continue
        say "Installing $package: $reason."
        missing+=("$package")
    done < <(rows "$@")
    ((${#missing[@]})) || return 0
    gain_rights "${missing[@]}"
    trap tidy_up EXIT
    keep_services_down "${missing[@]}"
    apt_install "${missing[@]}"
    keep_off_at_boot "${missing[@]}"
}

# Sets `root`, the prefix of commands that need root: empty for root, sudo for others who may use it.
gain_rights() {
    root=()
    ((EUID == 0)) && return
    if have sudo; then
        sudo -n true 2>/dev/null && root=(sudo) && return
        if [[ -t 0 ]]; then
            say "Packages are installed by root; sudo may ask for your password."
            sudo true && root=(sudo) && return
        fi
    fi
    die "you have no right to install packages here. Ask an administrator to run, as root:

    apt-get update && apt-get install -y --no-install-recommends $*

and then run this again."
}

# Debian starts PostgreSQL, Redis, PgBouncer and Caddy when their packages are installed. The tests start their own, private ones, so a
# server that listens on the usual port would be an unasked-for guest.
keep_services_down() {
    if [[ " $* " == *" postgresql-15 "* && ! -e $CLUSTER_CONF ]]; then
        place "$CLUSTER_CONF" 644 "create_main_cluster = false"
    fi
    if [[ " $* " =~ \ (redis-server|pgbouncer|caddy)\  && ! -e $POLICY ]]; then
        place "$POLICY" 755 $'#!/bin/sh\n# Placed by scripts/install-deps.sh for the duration of one apt-get run.\nexit 101'
    fi
}

# place FILE MODE TEXT, to be removed at the end.
place() {
    undo+=("$1")
    "${root[@]}" mkdir -p "$(dirname "$1")"
    printf '%s\n' "$3" | "${root[@]}" tee "$1" >/dev/null
    "${root[@]}" chmod "$2" "$1"
}

apt_install() {
    log=$(mktemp)
    undo+=("$log")
    say "Refreshing the package lists (apt-get update) …"
    apt_get update || say "apt-get update failed; trying with the lists that are here."
    say "Installing (apt-get install) …"
    # Looked at afterwards as well: apt-get can say "done" and have done nothing, when it has no package lists.
    if ! apt_get install -y --no-install-recommends "$@" || ! all_installed "$@"; then
        tail -n 30 "$log" >&2
        die "apt-get could not install: $*. Its last words are above; is the machine on-line, and is this Debian 12?"
    fi
}

all_installed() {
    local package
    for package in "$@"; do installed "$package" || return 1; done
}

# Its hundreds of lines go to a file, which is shown if something fails.
apt_get() {
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1 </dev/null
}

keep_off_at_boot() {
    local service
    have systemctl || return 0
    for service in redis-server pgbouncer caddy; do
        [[ " $* " != *" $service "* ]] || "${root[@]}" systemctl disable "$service.service" >/dev/null 2>&1 || true
    done
}

tidy_up() {
    ((${#undo[@]})) && "${root[@]}" rm -f "${undo[@]}"
    return 0
}

main "$@"
