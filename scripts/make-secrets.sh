#!/usr/bin/env bash
# Makes the secrets of a new installation, one file each, with random values:
#
#   scripts/make-secrets.sh deploy/secrets
#
# Why: deploy/compose.yaml and the Kubernetes manifests take secrets from files of these names, and nobody should make up a
# password. A file that exists is never touched, so it is safe to run again; replace any with a value of your own.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

random_hex() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }

# put NAME VALUE WHAT
put() {
    [[ -e $folder/$1 ]] && say "keeping $folder/$1" && return
    printf '%s' "$2" >"$folder/$1"
    # The containers' user has to read it; the folder keeps this machine's other users out.
    chmod 0444 "$folder/$1"
    say "wrote   $folder/$1: $3"
}

(($# == 1)) || die "say where to: scripts/make-secrets.sh FOLDER"
folder=$1
mkdir -p "$folder"
chmod 0700 "$folder"
put postgres-password "$(random_hex)" "PostgreSQL's password"
put redis-password "$(random_hex)" "Redis' password"
put database-url "postgres://tenantry:$(<"$folder/postgres-password")@postgres:5432/tenantry" "database.url, with that password; on Kubernetes write your own server's here"
put redis-url "redis://:$(<"$folder/redis-password")@redis:6379/0" "redis.url, likewise"
put master-key "k1:$(random_hex)" "keys.master, which encrypts all stored secrets: keep a copy in a safe place, without it they are lost"
put metrics-token "$(random_hex)" "metrics.token, which opens /metrics"
put owner-password "$(random_hex)" "bootstrap.owner_password, for the first sign-in of the first platform owner"
put smtp-password "" "mail.smtp_password: empty; write your mail server's here"
