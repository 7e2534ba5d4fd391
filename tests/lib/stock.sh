# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# How tests/servers tries one server, on top of fetch.sh. A server is a file tests/stock/NAME.sh with
#
#     title, version   what docs/servers.md calls it
#     least, most      the JDKs on which it runs
#     state            folders below $DIR with its data, its logs and what it unpacks: put back
#                      before each restore of the first image
#     logs             patterns below $DIR of its log files; its output always counts
#     allowed          lines of its logs that are no errors, as an extended regular expression
#     jvm_word         a word of the command line of its JVM, where the start command is no JVM
#     server_setup     unpacks it to $DIR/server and configures it, at loopback addresses
#     server_start     calls `launch` with its own start command
#     server_ready     returns at its first answer
#     server_put KEY   gives it data or work, with checks of its answers
#     server_has KEY   whether it has that data
#
# Here: jvm, the PID of the JVM, and pid, what this shell started, which is the JVM or its start script.

ERRORS='ERROR|SEVERE|FATAL|Exception|OutOfMemory'
READY_SECONDS=300 # a server needs a minute on two cores, and more on a machine with a load

# --- to set a server up

# fetch_file GROUP:ARTIFACT:VERSION:TYPE[:CLASSIFIER]: sets FILE, the artifact's file.
fetch_file() {
    local folder=$TMP/fetched/$name
    mkdir -p "$folder"
    if ! mvn -q -B -Djansi.mode=strip org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
        "-Dartifact=$1" "-DoutputDirectory=$folder" </dev/null >"$TMP/maven" 2>&1; then
        skip "$what: it is fetched" "Maven cannot fetch $1: $(head -n 1 "$TMP/maven")"
        return 1
    fi
    FILE=$(printf '%s\n' "$folder"/*)
}

# unpack ARTIFACT: its only folder becomes $DIR/server.
unpack() {
    fetch_file "$1" || return
    mkdir "$DIR/unpacked"
    case $FILE in
        *.tar.gz) tar -xzf "$FILE" -C "$DIR/unpacked" ;;
        *) unzip -q "$FILE" -d "$DIR/unpacked" ;;
    esac
    rm -rf "$TMP/fetched/$name"
    mv "$DIR/unpacked"/* "$DIR/server"
    rmdir "$DIR/unpacked"
}

# launch COMMAND...: in the server's folder.
launch() {
    start "$name" env -C "$DIR/server" "$@"
}

# loopback FILE PORT...: other ports in the place of these in a file of the server, and the loopback
# address in the place of any. Sets port, to that of the first.
loopback() {
    local file=$DIR/server/$1 old new
    shift
    sed -i 's/\b0\.0\.0\.0\b/127.0.0.1/g' "$file"
    for old; do
        new=$(free_port)
        [ "$old" != "$1" ] || port=$new
        sed -i "s/\b$old\b/$new/g" "$file"
    done
}

# --- to ask it

# http_answers [PATH]: until the server at $port answers 200 there.
http_answers() {
    first_answer --http "$port" "${1:-/}"
}

# speaks BYTES [PORT]: until a server at $port answers to these bytes, which may have escapes (\x00).
speaks() {
    first_answer --tcp "${2:-$port}" "$1"
}

# first_answer FIRSTBYTE-OPTION...: sets answered, when it came. Firstbyte ends later: it lets the server
# close the connection first, as most clients do.
first_answer() {
    local from took
    from=$(microseconds)
    took=$("$FIRSTBYTE" "$@" --timeout "$READY_SECONDS" -- tail -f "--pid=$pid" /dev/null) || return
    answered=$((from + ${took% *}))
}

microseconds() {
    printf '%s\n' "${EPOCHREALTIME/./}"
}

# get PATH [CURL-OPTION...]: prints the server's answer, and the status after a blank.
get() {
    curl -k -sS --max-time 120 -w ' %{http_code}' "${@:2}" "http://127.0.0.1:$port$1" 2>&1 || true
}

# client CLASS-PATH-AND-CLASS ARGUMENT...: a Java program that is no server, with a small JVM.
client() {
    run "$JAVA" -XX:TieredStopAtLevel=1 -Xshare:auto -Xmx128m "$@"
}

# succeeded: whether the last `run` has; prints its output if not.
succeeded() {
    [ "$status" = 0 ] || { printf '%s\n' "$out$err" && return 1; }
}

# in_time COMMAND...: until the command succeeds, two minutes at most, and while the server lives.
in_time() {
    local deadline=$((SECONDS + PATIENCE))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] && [ -d "/proc/$pid" ] || return
        "$WAITFOR" --timeout 0.2 exit "$pid" || true
    done
}

# --- its log

log_files() {
    local pattern
    printf '%s\n' "$log"
    for pattern in "${logs[@]}"; do
        compgen -G "$DIR/$pattern" || true
    done
}

declare -A log_mark=()
mark_logs() {
    local file
    log_mark=()
    while IFS= read -r file; do
        [ ! -f "$file" ] || log_mark[$file]=$(stat -c %s "$file")
    done < <(log_files)
}

log_errors() { # the errors in its logs since mark_logs
    local file
    while IFS= read -r file; do
        [ ! -f "$file" ] || tail -c "+$((${log_mark[$file]:-0} + 1))" "$file" |
            grep -a -E -- "$ERRORS" | grep -a -v -E -- "$allowed" || true
    done < <(log_files) | head -n 10
}

# --- its life

# jvm_below PID: prints the PID of the JVM among that process and those it has started.
jvm_below() {
    local child
    if [ "$(cat "/proc/$1/comm" 2>/dev/null)" = java ] &&
        tr '\0' ' ' <"/proc/$1/cmdline" | grep -q -F -- "$jvm_word"; then
        printf '%s\n' "$1"
        return
    fi
    for child in $(cat "/proc/$1/task"/*/children 2>/dev/null); do
        ! jvm_below "$child" || return 0
    done
    return 1
}

is_ready() { # WHEN
    if server_ready; then
        pass "$what: $1: the server answers"
    else
        fail "$what: $1: the server answers" "$(tail -n 30 "$log")"
    fi
}

begin() { # a plain start; sets plain, its milliseconds
    local from
    from=$(microseconds)
    server_start
    is_ready "a plain start" || return
    plain=$(((answered - from) / 1000))
    jvm=$(jvm_below "$pid") || fail "$what: the start command has a JVM with '$jvm_word'"
}

# end_trees: ends the JVMs whose start scripts still run; these end too then, or by stop_all.
end_trees() {
    local script jvm jvm_word=
    for script in "${tap_started[@]}"; do
        while [ -d "/proc/$script" ] && jvm=$(jvm_below "$script") && [ "$jvm" != "$script" ]; do
            kill -KILL "$jvm"
            wait_exit "$jvm"
        done
    done
}

# again IMAGE: restores it; adds to restored, the milliseconds until the first answer.
again() {
    local from
    mark_logs
    from=$(microseconds)
    restore "$name" "$DIR/$1"
    jvm=$pid
    is_ready "$2" || return
    restored+=($(((answered - from) / 1000)))
}

end_jvm() {
    kill -KILL "$jvm"
    wait_exit "$pid"
}

freeze_to() { # IMAGE WHAT
    run "$CKPT" checkpoint "$jvm" "$DIR/$1"
    is "$status" 0 "$what: $2: the checkpoint succeeds" || { diag "$out$err" && return 1; }
    [ -z "$out$err" ] || note "$out$err"
    wait_exit "$pid"
}

save_state() {
    local folder
    for folder in "${state[@]}"; do
        mkdir -p "$DIR/saved/$(dirname "$folder")"
        cp -a "$DIR/$folder" "$DIR/saved/$folder"
    done
}

# The files keep their inodes. JDK 25 knows a jar that it has opened by its inode and time: it would take a
# new file with the inode that another jar had, in a distribution whose files are of one time, for that.
put_back() {
    local folder file
    for folder in "${state[@]}"; do
        mkdir -p "$DIR/$folder"
        while IFS= read -r -d '' file; do
            [ -e "$DIR/saved/$folder/$file" ] || rm -rf "${DIR:?}/$folder/$file"
        done < <(cd "$DIR/$folder" && find . -mindepth 1 -print0)
        cp -a "$DIR/saved/$folder/." "$DIR/$folder/"
    done
}

# is_calm: within two minutes there is a second in which the server uses a third of a processor at
# most. A thread that spins on a descriptor would use all that it gets.
is_calm() {
    local before after deadline=$((SECONDS + PATIENCE))
    while [ "$SECONDS" -lt "$deadline" ]; do
        before=$(awk '{ print $14 + $15 }' "/proc/$jvm/stat")
        "$WAITFOR" --timeout 1 exit "$jvm" && return 1
        after=$(awk '{ print $14 + $15 }' "/proc/$jvm/stat")
        [ $((after - before)) -gt $(($(getconf CLK_TCK) / 3)) ] || return 0
    done
    return 1
}

# works WHEN KEY...: the server has the data of all keys but the last, which it is given.
works() {
    local when=$1 key errors
    shift
    for key in "${@:1:$#-1}"; do
        ok "$what: $when: it has the work of '$key'" server_has "$key" || return
    done
    ok "$what: $when: it does new work" server_put "${*: -1}" || return
    ok "$what: $when: it has the new work" server_has "${*: -1}" || return
    ok "$what: $when: no thread spins" is_calm
    errors=$(log_errors)
    is "$errors" "" "$what: $when: no new errors in its log"
}

# --- the whole

# tries RESTORES CHAIN: a plain start; so many restores of its image, each with the old data; a chain
# of so many generations; an orderly end.
tries() {
    local i keys=(first)
    begin || return
    mark_logs
    ok "$what: a plain start works" server_put first || return
    ok "$what: a plain start has its work" server_has first || return
    freeze_to image-1 "after a plain start" || return
    size=$(du -k --apparent-size "$DIR/image-1/image" | cut -f 1)
    save_state
    for ((i = 1; i <= $1; i++)); do
        put_back
        again image-1 "restore $i of one image" || return
        works "restore $i of one image" first "again-$i" || return
        end_jvm
    done
    put_back
    for ((i = 1; i <= $2; i++)); do
        again "image-$i" "generation $i" || return
        works "generation $i" "${keys[@]}" "generation-$i" || return
        keys+=("generation-$i")
        freeze_to "image-$((i + 1))" "generation $i" || return
        rm -rf "$DIR/image-$i"
    done
    again "image-$i" "the last generation" || return
    works "the last generation" "${keys[@]}" last || return
    kill -TERM "$jvm"
    ok "$what: the last generation ends when it is asked to" wait_exit "$pid"
}
