#!/usr/bin/env bash
# Deletes the folder `data`, in which the embedded default keeps everything, so that the next `make run` starts empty.
#
#   scripts/clean-data.sh yes
#
# Why a script: it destroys accounts and the master key, so it wants to be told "yes", deletes nothing while a
# server uses the folder, and only ever deletes the one that `data.dir` names by default.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
source scripts/lib.sh

# in_use: prints the id of a process of this machine that has a file of the folder open (as far as we may see).
in_use() {
    local fd folder
    folder=$(realpath data)
    for fd in /proc/[0-9]*/fd/*; do
        if [[ $(readlink "$fd" 2>/dev/null) == "$folder"/* ]]; then
            cut -d/ -f3 <<<"$fd"
            return
        fi
    done
}

main() {
    [[ -d data ]] || { say "Nothing to delete: there is no folder \"data\"." && return; }
    local pid
    pid=$(in_use)
    [[ -z $pid ]] || die "process $pid is using the folder \"data\": stop it first."
    if [[ ${1:-} != yes ]]; then
        du -sh data >&2
        die "this would delete all accounts, mails and the master key in \"data\". If that is what you want: make clean-data CONFIRM=yes"
    fi
    rm -rf data
    say "Deleted the folder \"data\"."
}

main "$@"
