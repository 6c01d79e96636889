#!/usr/bin/env bash
# Runs a command with a PostgreSQL 15 cluster and a Redis server of its own:
#
#   scripts/with-services.sh cargo test --workspace
#   scripts/with-services.sh bash          # look around: psql "$TENANTRY_TEST_POSTGRES"
#
# Why: the tests must run on the databases of production without touching, or depending on, any server of the
# machine. Both servers live in a new temporary folder and listen on free ports of 127.0.0.1 only; they are stopped and the
# folder is removed when the command ends, however it ends. The exit code is the command's.
#
# The command sees
#   TENANTRY_TEST_POSTGRES       postgres://… of a superuser, database "postgres"
#   TENANTRY_TEST_REDIS          redis://127.0.0.1:port
#   TENANTRY_TEST_PG_BIN         folder of initdb, postgres, pg_ctl, for tests that start clusters of their own
#   TENANTRY_TEST_REDIS_SERVER   the redis-server binary, likewise
# Settings (environment)
#   TENANTRY_TEST_PG_BIN, TENANTRY_TEST_REDIS_SERVER   other binaries than Debian's
#   TENANTRY_TEST_PG_FSYNC=off        trade crash safety of the test cluster for speed (default on, as in production)
#   TENANTRY_TEST_PG_BUFFERS=1GB      PostgreSQL's shared_buffers (default 128MB, PostgreSQL's own)
#   TENANTRY_TEST_REDIS_APPENDONLY=yes  let Redis persist (default no)
# shellcheck disable=SC2317 # some functions are called by traps, or by a name in a variable
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

POSTGRES_BIN=${TENANTRY_TEST_PG_BIN:-/usr/lib/postgresql/15/bin}
REDIS_SERVER=${TENANTRY_TEST_REDIS_SERVER:-$(command -v redis-server || true)}
START_SECONDS=60 # how long a server may take to answer
STOP_SECONDS=10  # how long it may take to stop before it is killed

work='' pg_pid='' redis_pid='' command_pid='' command_group='' port=''
unprivileged=() # prefix that runs a command as the servers' user

main() {
    (($#)) || die "say what to run: scripts/with-services.sh COMMAND [ARGUMENT…]"
    check_binaries
    trap clean_up EXIT
    trap 'interrupted INT 130' INT
    trap 'interrupted TERM 143' TERM
    trap 'interrupted HUP 129' HUP
    choose_user
    make_folder
    # A developer's own PGHOST, PGSSLMODE, … must not reach into the private cluster.
    unset "${!PG@}"
    init_cluster
    start postgres start_postgres postgres_answers "$work/postgres.log"
    export TENANTRY_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres" TENANTRY_TEST_PG_BIN="$POSTGRES_BIN"
    start redis start_redis redis_answers "$work/redis.log"
    export TENANTRY_TEST_REDIS="redis://127.0.0.1:$port" TENANTRY_TEST_REDIS_SERVER="$REDIS_SERVER"
    say "PostgreSQL: $TENANTRY_TEST_POSTGRES   Redis: $TENANTRY_TEST_REDIS   (private, in $work)"
    run_command "$@"
}

check_binaries() {
    local hint="scripts/install-deps.sh test installs it"
    [[ -x $POSTGRES_BIN/initdb && -x $POSTGRES_BIN/postgres ]] || die "no PostgreSQL server in $POSTGRES_BIN: $hint (or name the folder in TENANTRY_TEST_PG_BIN)."
    [[ -n $REDIS_SERVER && -x $REDIS_SERVER ]] || die "no redis-server on PATH: $hint (or name the binary in TENANTRY_TEST_REDIS_SERVER)."
    have redis-cli || die "no redis-cli on PATH: $hint."
}

# PostgreSQL refuses to run as root.
choose_user() {
    ((EUID == 0)) || return 0
    local user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    unprivileged=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --init-groups)
}

# In TMPDIR if the servers' user can get there and the path leaves room for a socket's name (107 bytes), else in /tmp.
make_folder() {
    local parent=${TMPDIR:-/tmp}
    { ((${#parent} <= 60)) && "${unprivileged[@]}" test -x "$parent"; } || parent=/tmp
    work=$(mktemp -d "$parent/tenantry-services.XXXXXX")
    if ((EUID == 0)); then chown "$("${unprivileged[@]}" id -u)" "$work"; fi
    "${unprivileged[@]}" mkdir "$work/redis" "$work/run"
}

init_cluster() {
    local log="$work/initdb.log"
    # The folder to be in is the servers' own: the caller's may be closed to them.
    (cd "$work" && LC_ALL=C.UTF-8 "${unprivileged[@]}" "$POSTGRES_BIN/initdb" -D "$work/pg" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync) >"$log" 2>&1 ||
        die "initdb failed:
$(tail -n 20 "$log")"
}

# server LOG SIGNAL COMMAND…: runs it in the background, away from the terminal's Ctrl-C (a session of its own); the kernel
# sends it SIGNAL should this script be killed outright. The wrappers do not fork, so $! is the server.
server() {
    local log=$1 signal=$2
    shift 2
    LC_ALL=C.UTF-8 setsid "${unprivileged[@]}" setpriv --pdeathsig "$signal" "$@" >"$log" 2>&1 </dev/null &
}

start_postgres() {
    server "$1" QUIT "$POSTGRES_BIN/postgres" -D "$work/pg" -c listen_addresses=127.0.0.1 -c "port=$port" -c "unix_socket_directories=$work/run" \
        -c max_connections=300 -c "fsync=${TENANTRY_TEST_PG_FSYNC:-on}" -c logging_collector=off \
        -c "shared_buffers=${TENANTRY_TEST_PG_BUFFERS:-128MB}"
    pg_pid=$!
}

start_redis() {
    server "$1" TERM "$REDIS_SERVER" --bind 127.0.0.1 --port "$port" --unixsocket "$work/run/redis.sock" --dir "$work/redis" \
        --save '' --appendonly "${TENANTRY_TEST_REDIS_APPENDONLY:-no}" --daemonize no
    redis_pid=$!
}

# Asked through the sockets in our own folder: on a TCP port a stranger could answer.
postgres_answers() { "$POSTGRES_BIN/pg_isready" -q -t 2 -h "$work/run" -p "$port" -U postgres; }
redis_answers() { [[ $(redis-cli -s "$work/run/redis.sock" ping 2>/dev/null) == PONG ]]; }

# start NAME STARTER PROBE LOG: on a free port, and again on another one if somebody took that in the meantime.
start() {
    local name=$1 starter=$2 probe=$3 log=$4 attempt
    for attempt in 1 2 3 4 5; do
        choose_port
        "$starter" "$log"
        wait_for $! "$probe" && return
        grep -qi 'address already in use' "$log" || break
        say "$name: port $port was taken in the meantime (attempt $attempt), trying another."
    done
    die "$name did not start. The end of its log:
$(tail -n 30 "$log")"
}

# Below the range that the kernel gives to outgoing connections (32768 and up).
choose_port() {
    local _
    for _ in {1..200}; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || return 0
    done
    die "found no free port between 20000 and 32000 on 127.0.0.1."
}

# wait_for PID PROBE: polls until the server answers; fails as soon as it is gone.
wait_for() {
    local deadline=$((SECONDS + START_SECONDS))
    while ((SECONDS < deadline)); do
        kill -0 "$1" 2>/dev/null || return 1
        "$2" && return
        sleep 0.05
    done
    say "no answer within $START_SECONDS seconds."
    return 1
}

# In the background, so that a signal to this script is acted upon at once. At a terminal the command stays in the
# foreground group (it may read the keyboard, Ctrl-C reaches it); otherwise it gets a group of its own, so that a
# signal can be passed on to it and to all its children.
run_command() {
    local code=0
    if [[ -t 0 ]]; then
        # A shell starts background commands deaf to Ctrl-C; env undoes that.
        env --default-signal=INT,QUIT "$@" <&0 &
        command_pid=$! command_group=$command_pid
    else
        set -m
        "$@" <&0 &
        command_pid=$! command_group=-$command_pid
        set +m
    fi
    wait "$command_pid" || code=$?
    command_pid=''
    exit "$code"
}

interrupted() {
    trap '' INT TERM HUP
    say "Stopping: got SIG$1."
    if [[ -n $command_pid ]]; then
        kill -s "$1" -- "$command_group" 2>/dev/null || true
        stop_within "$STOP_SECONDS" "$command_pid" "$command_group"
    fi
    exit "$2"
}

clean_up() {
    local code=$?
    trap '' INT TERM HUP
    # The data is thrown away, so "immediate": no checkpoint, no waiting for connections.
    [[ -z $pg_pid ]] || kill -QUIT "$pg_pid" 2>/dev/null || true
    [[ -z $redis_pid ]] || kill -TERM "$redis_pid" 2>/dev/null || true
    [[ -z $pg_pid ]] || stop_within "$STOP_SECONDS" "$pg_pid" "$pg_pid"
    [[ -z $redis_pid ]] || stop_within "$STOP_SECONDS" "$redis_pid" "$redis_pid"
    [[ -z $work ]] || rm -rf "$work"
    exit "$code"
}

# stop_within SECONDS PID TARGET: waits until TARGET (the child PID, or its whole group) is gone, kills what is not by then.
stop_within() {
    local deadline=$((SECONDS + $1))
    while kill -0 -- "$3" 2>/dev/null && ((SECONDS < deadline)); do sleep 0.05; done
    if kill -0 -- "$3" 2>/dev/null; then kill -KILL -- "$3" 2>/dev/null || true; fi
    wait "$2" 2>/dev/null || true
}

main "$@"
