# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the tests of the agent's HTTP endpoint share, on top of jvm.sh: a JVM that has one, requests
# to it with curl, and a client that breaks the protocol (http-client.py).

CLIENT=(python3 "$TOP/tests/lib/http-client.py")

# serve NAME IMAGE|- [OPTION...]: the program with an endpoint; sets port.
serve() {
    local name=$1 image=$2
    shift 2
    port=$(free_port)
    OPTIONS=("addr=localhost:$port" "$@")
    start_jvm "$name-$V" "$image" -Xlog:gc -cp "$CP" Endpoint "$DIR"
    wait_line "$log" ready || fail "$V: the program for '$name' starts"
}

# ask PATH [curl's options...]: sets code, body and headers of the answer.
ask() {
    code=$(curl -s --max-time 20 -o "$TMP/.body" -D "$TMP/.headers" -w '%{http_code}' "${@:2}" \
        "http://localhost:$port$1" 2>&1) || true # the caller checks the code
    body=$(cat "$TMP/.body" 2>/dev/null) || true
    headers=$(tr -d '\r' 2>/dev/null <"$TMP/.headers") || true
    rm -f "$TMP/.body" "$TMP/.headers"
}

post() { # PATH [curl's options...]
    ask "$1" -X POST "${@:2}"
}

checkpoint() { # JSON
    post /checkpoint -H 'Content-Type: application/json' --data-binary "$1"
}

# member NAME...: members of the body, as Python prints them.
member() {
    python3 -c 'import json, sys
found = json.load(sys.stdin)
found.update(found.pop("options", {}))
print(*(found.get(key, "-") for key in sys.argv[1:]))' "$@" <<<"$body"
}

# port_is_closed PORT: within ten seconds no process listens there.
port_is_closed() {
    python3 - "$1" <<'PYTHON'
import socket, sys, time
end = time.monotonic() + 10
while time.monotonic() < end:
    try:
        socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5).close()
    except ConnectionRefusedError:
        sys.exit(0)
    except OSError:
        pass
sys.exit("a process listens there")
PYTHON
}

# thread_of PID NAME: the thread's TID.
thread_of() {
    local task
    for task in "/proc/$1/task"/*; do
        [ "$(cat "$task/comm" 2>/dev/null)" != "$2" ] || echo "${task##*/}"
    done
}

# no_thread PID NAME: within ten seconds no thread has this name.
no_thread() {
    local end=$((SECONDS + 10))
    while [ -n "$(thread_of "$1" "$2")" ]; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
}

# client NAME MODE [ARGUMENT...]: in the background; sets client, heard (what it prints) and leaves
# its standard input open for the shell as descriptor 8.
client() {
    heard=$DIR/$1.heard
    rm -f "$DIR/$1.in" "$heard"
    mkfifo "$DIR/$1.in"
    exec 8<>"$DIR/$1.in"
    "${CLIENT[@]}" "$port" "${@:2}" <"$DIR/$1.in" >"$heard" 2>&1 8>&- &
    client=$!
    tap_started+=("$client")
    tap_pid_of[$heard]=$client
}

# hang_up: the end of the client's standard input.
hang_up() {
    exec 8>&-
    wait_exit "$client"
}
