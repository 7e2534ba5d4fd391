#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Files that a JVM had open when criu dumped it: its own logs that are gone are made again; others that
# are gone, or that criu would not accept, are named with what to do, before criu is asked.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/criu-jvm.sh"
compile Held Logs

dump() { # DIRECTORY
    run "$CKPT" checkpoint --engine=criu "--criu=$CRIU" "$pid" "$1"
    is "$status$out$err" 0 "$V: ${1##*/}: the JVM is dumped"
    wait_exit "$pid"
}

# begin_logs NAME: a JVM with its logs; sets folder, gc (opened to append) and vm (not so).
begin_logs() {
    local options=(-XX:+UnlockDiagnosticVMOptions -XX:+LogVMOutput -XX:-DisplayVMOutput)
    folder="$DIR/$1 logs"
    mkdir -p "$folder"
    if jdk_has unified_logging; then
        options+=("-Xlog:gc*:file=\"$folder/gc-%p.log\"")
    else
        options+=(-XX:+PrintGCDetails "-Xloggc:$folder/gc-%p.log")
    fi
    start_jvm "$1-$V" - -XX:+UseSerialGC "${options[@]}" "-XX:LogFile=$folder/vm-%p.log" -cp "$CLASSES" Logs
    wait_line "$log" 3
    gc=$(echo "$folder"/gc-*.log) vm=$(echo "$folder"/vm-*.log)
}

gone() {
    local folder gc vm owner
    begin_logs gone
    chmod 604 "$gc"
    chown 12345:12345 "$gc" 2>/dev/null || true # only root may
    owner=$(stat -c %a:%u:%g "$gc")
    dump "$DIR/gone" || return
    rm "$folder"/*
    run "$CKPT" restore --dry-run "--criu=$CRIU" "$DIR/gone"
    is "$status$err" 0 "$V: logs that are gone: the image passes restore --dry-run"
    is "$(ls "$folder")" "" "$V: logs that are gone: restore --dry-run makes none"
    restore "gone-$V" "--criu=$CRIU" "$DIR/gone"
    ok "$V: logs that are gone: the JVM is restored" wait_more "$log" 3
    is "$(stat -c %a:%u:%g "$gc")" "$owner" "$V: a log that is made again has its owner and mode"
    contains "$(<"$log")" "the JVM's log '$gc' was gone; it begins again" "$V: a warning names it"
    until [ -s "$gc" ] || ! kill -0 "$pid"; do wait_more "$log" 1 || break; done
    ok "$V: the restored JVM writes to it" test -s "$gc"
    dump "$DIR/gone" || return
    restore "gone-$V" "--criu=$CRIU" "$DIR/gone"
    ok "$V: logs that were made again: the next image is restored" wait_more "$log" 3
    kill -QUIT "$(pgrep -P "$pid")" # the JVM prints its threads to that log
    ok "$V: -XX:LogFile that was gone: the JVM writes to it" wait_line "$vm" "Full thread dump"
    stop "$pid"
    not_ok "$V: logs that are made again have no hole" grep -qP '\x00' "$gc" "$vm"
}

no_directory() {
    local folder gc vm option
    begin_logs no-directory
    dump "$DIR/no-directory" || return
    mv "$folder" "$folder.away"
    for option in --dry-run --verify; do
        RUN_SECONDS=60 run "$CKPT" restore "$option" "--criu=$CRIU" "$DIR/no-directory"
        refused "$V: a log's directory is gone: restore $option is refused" \
            "the JVM's log '$folder/.*' is gone and cannot be made again: .*; make its directory"
    done
    mkdir "$folder"
    if [[ $("$CRIU" --version) == *"Version: 3."* ]]; then
        cannot "$V: a restore that fails leaves no log" "this criu aborts if it has a script"
    else
        printf '#!/bin/bash\n[ "$CRTOOLS_SCRIPT_ACTION" != post-restore ]\n' >"$DIR/refuse"
        chmod 755 "$DIR/refuse"
        run "$CKPT" restore "--criu=$CRIU" "--criu-option=action-script $DIR/refuse" "$DIR/no-directory"
        is "$status$(ls "$folder")" 1 "$V: a restore that fails leaves no log: $err"
    fi
    restore "no-directory-$V" "--criu=$CRIU" "$DIR/no-directory"
    ok "$V: a log's directory is there again: the JVM is restored" wait_more "$log" 3
    stop "$pid"
}

# not_accepted WHAT PATTERN: of the image "needed".
not_accepted() {
    RUN_SECONDS=60 run "$CKPT" restore "--criu=$CRIU" "${image:-$DIR/needed}"
    refused "$V: $1: the restore is refused" "$2"
    run "$CKPT" inspect "${image:-$DIR/needed}"
    like "$out" "restore +$2" "$V: $1: inspect says so, too"
}

needed() {
    local jar="$DIR/the app.jar"
    cp "$SIMPLE" "$jar"
    chmod 644 "$jar"
    start_jvm "needed-$V" - -jar "$jar" --period 20
    wait_line "$log" 3
    dump "$DIR/needed" || return
    mv "$jar" "$jar.away"
    not_accepted "a file that is gone" \
        "'$jar', which the JVM or a child had open or mapped, cannot be found: no such file .*; put it back"
    cp "$jar.away" "$jar"
    echo more >>"$jar"
    not_accepted "a file of another size" \
        "'$jar', which .* has [0-9]+ bytes, and had [0-9]+ at the checkpoint, .*; put the old file back"
    cp "$jar.away" "$jar"
    not_accepted "a file with another time" \
        "'$jar', which .* has another time of change .*--allow-changed-files"
    cp -p "$jar.away" "$jar"
    chmod 600 "$jar"
    not_accepted "a file of another mode" "'$jar', which .* has mode 0600, and had 0644 .*; use 'chmod 0644'"
    chmod 644 "$jar"
    restore "needed-$V" "--criu=$CRIU" "$DIR/needed"
    ok "$V: a copy of the old file with its mode is accepted" wait_more "$log" 3
    stop "$pid"
}

child_files() {
    local folder="$DIR/child files" image=$DIR/child children
    mkdir -p "$folder/below"
    echo text >"$folder/text"
    start_jvm "child-$V" - -Xmx64m -cp "$CP" Held files "$folder"
    wait_line "$log" child
    dump "$image" || return
    mv "$folder/text" "$folder/text.away"
    not_accepted "a file of a child that is gone" "'$folder/text', .*a child .*cannot be found: no such file"
    mv "$folder/text.away" "$folder/text"
    rmdir "$folder/below"
    not_accepted "the directory of a child that is gone" "'$folder/below', .* cannot be found: no such file"
    mkdir "$folder/below"
    restore "child-$V" "--criu=$CRIU" "$image"
    ok "$V: the child continues if both are there again" wait_line "$log" child --count \
        "$(($(count_lines "$log" child) + 3))"
    children=$(pgrep -P "$(pgrep -P "$pid")")
    stop "$pid"
    # shellcheck disable=SC2086
    kill $children
}

each_jdk gone
each_jdk no_directory
each_jdk needed
each_jdk child_files
done_testing
