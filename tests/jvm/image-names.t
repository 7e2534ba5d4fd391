#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The name of the image directory: patterns with CRaC's meanings, wrong ones refused before any hook;
# `restore --image DIR`, so that a restored JVM does not replace the image that it came from; odd
# names, relative ones, and those that cannot be made; no directories are left by refused checkpoints.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
compile Images

UUID='[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'
TIME='20[0-9]{6}T[0-9]{6}Z'

lines() { # LOG: what the program has printed, on one line
    grep -E '^(before|after|returned|refused|reason|end)' "$1" | tr '\n' ' '
}

images() { # DIR: the names of the directories in it that have an image
    (cd "$1" && printf '%s\n' */image) | sed 's,/image$,,'
}

# once NAME IMAGE JAVA-OPTION...: a JVM that freezes itself once, into that directory.
once() {
    start_jvm "$V-$1" "$2" "${@:3}" -cp "$CP" Images 1
    wait_exit "$pid"
}

patterns() {
    local directory=$DIR/patterns cpus arch
    mkdir "$directory"
    cpus=$("$JAVA" -cp "$CP" -XshowSettings:system -version 2>&1 | sed -n 's/.*CPU Count: *//p')
    arch=$("$JAVA" -XshowSettings:properties -version 2>&1 | sed -n 's/ *os.arch = //p')
    once fixed "$directory/cr_%%_%a_%p_%05c_%3m_%m_%g_%03g" -XX:+UseG1GC -Xmx1G
    is "$(images "$directory")" \
        "cr_%_${arch}_${pid}_$(printf %05d "${cpus:-$(nproc)}")_1073741824_1G_1_001" \
        "$V: the patterns %% %a %p %c %m %g, with widths, have CRaC's meanings" ||
        diag "$(tail -n 5 "$log")"
    rm -r "$directory"
    mkdir "$directory"
    once random "$directory/%u_%f_%t_%T_%b_%012B_%r_%R" -Xmx64m
    like "$(images "$directory")" \
        "^${UUID}_([0-9a-f]{16})*_${TIME}_[0-9]+_${TIME}_00[0-9]{10}_${TIME}_[0-9]+\$" \
        "$V: the patterns %u %f %t %T %b %B %r %R have CRaC's forms" || diag "$(tail -n 5 "$log")"
    is "$(images "$directory" | python3 -c '
import datetime, sys
part = sys.stdin.read().strip().split("_")[2:]
def same(moment, seconds):
    at = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    return moment == at.strftime("%Y%m%dT%H%M%SZ")
print(same(part[0], part[1]), same(part[2], part[3]), same(part[4], part[5]),
      int(part[3]) <= int(part[1]), part[3].lstrip("0") == part[5])')" \
        "True True True True True" \
        "$V: %t, %b and %r are the times in seconds of %T, %B and %R, and %r is %b before a restore"
}

# Two checkpoints, and between them a restore more than a second later.
generations() {
    local directory=$DIR/generations first second
    mkdir "$directory"
    start_jvm "$V-generations" "$directory/%g_%T_%B_%R_%p" -Xmx64m -cp "$CP" Images 2
    wait_exit "$pid"
    first=$(images "$directory")
    while [ "$(date +%s)" -le "$(($(cut -d_ -f2 <<<"$first") + 1))" ]; do
        read -rt 0.2 <> <(:) || true
    done
    restore "$V-generations" "$directory/$first"
    wait_exit "$pid"
    second=$(images "$directory" | grep -v "^$first\$")
    is "$(cut -d_ -f1 <<<"$first $second")" "1" "$V: the first checkpoint has %g 1"
    like "$second" "^2_" "$V: the checkpoint of a restored process has %g 2"
    is "$(cut -d_ -f3 <<<"$second")" "$(cut -d_ -f3 <<<"$first")" \
        "$V: %B is the first start of the JVM, also after a restore"
    ok "$V: %R of a restored process is its restore" \
        test "$(cut -d_ -f4 <<<"$second")" -gt "$(cut -d_ -f2 <<<"$first")"
    is "$(cut -d_ -f5 <<<"$second")" "$pid" "$V: %p of a restored process is its own process ID"
}

# wrong PATTERN MESSAGE
wrong() {
    run "$CKPT" checkpoint "$pid" "$DIR/$1"
    like "$status$out$err" "^2checkpointer: .*$2" "$V: checkpoint into '$1' is refused with a hint"
    run "$CKPT" run --image "$DIR/$1" --option addr=none -- "$JAVA" -version
    like "$status$out$err" "^2checkpointer: .*$2" "$V: run --image '$1' is refused with a hint"
    run "$JAVA" "-agentpath:$BUILD/libcheckpointer.so=image=$DIR/$1,addr=none" -version
    like "$status$err" "^1checkpointer: error: agent option 'image': .*$2" \
        "$V: the agent option image=$1 is refused with a hint, before the JVM starts"
    run "$CKPT" restore --image "$DIR/$1" "$DIR/later"
    like "$status$out$err" "^2checkpointer: .*$2" "$V: restore --image '$1' is refused with a hint"
}

refusals() {
    once later "$DIR/later" -Xmx64m
    start_jvm "$V-refusals" - -Xmx64m -cp "$CP" Images 0 wait
    wait_line "$log" end
    wrong 'a%z' "unknown pattern '%z'; use one of"
    wrong 'a%' "ends inside a pattern; write '%%'"
    wrong 'a%0g' "has no width; add one"
    wrong 'a%5u' "takes no width; remove it"
    wrong 'a%99g' "a width of more than 64; use a smaller one"
    ok "$V: wrong patterns have called no hook" not_in "$log" before
    stop "$pid"
}

not_in() {
    ! grep -q "$2" "$1"
}

by_command() {
    local parent=$DIR/100%
    mkdir "$parent"
    start_jvm "$V-command" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    (cd "$parent" && exec "$CKPT" checkpoint --leave-running "$pid" 'by-%p' >"$TMP/printed")
    is "$(<"$TMP/printed")" "$parent/by-$pid" \
        "$V: checkpoint with a pattern prints the directory, also below a folder with '%'"
    ok "$V: the image is in the directory that checkpoint printed" test -f "$parent/by-$pid/image"
    (cd "$parent" && exec "$CKPT" checkpoint --leave-running "$pid" plain >"$TMP/printed")
    is "$(<"$TMP/printed")" "" "$V: checkpoint without a pattern prints nothing"
    ok "$V: a name without a pattern is literal below a folder with '%'" \
        test -f "$parent/plain/image"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/missing/%p"
    like "$status$err" "^1.*cannot make the image directory '$DIR/missing/$pid'.*make its parent" \
        "$V: a pattern below a folder that does not exist is refused by its name"
    run "$CKPT" checkpoint --leave-running "$pid" "$DIR/$(printf '%0254d' 0)%p"
    like "$status$err" "^1.*name too long" "$V: a pattern whose name becomes too long is refused"
    ok "$V: a JVM runs on after refused names" wait_more "$log" 2
    stop "$pid"
}

new_directory() {
    local first=$DIR/first before
    start_jvm "$V-new" "$first" -Xmx64m -cp "$CP" Images 3
    wait_exit "$pid"
    before=$(md5sum <"$first/image")
    mkdir "$DIR/work"
    start "$V-new" bash -c 'cd "$1" && exec "$2" restore --image "next-%g" "$3"' - \
        "$DIR/work" "$CKPT" "$first"
    wait_exit "$pid"
    is "$status $(images "$DIR/work")" "137 next-2" \
        "$V: restore --image: the next image is in the new directory, relative to the command's" ||
        diag "$(tail -n 5 "$log")"
    is "$(md5sum <"$first/image")" "$before" "$V: restore --image: the image restored from is unchanged"
    restore "$V-new" "$DIR/work/next-2"
    wait_exit "$pid"
    is "$status $(images "$DIR/work" | tr '\n' ' ')" "137 next-2 next-3 " \
        "$V: restore --image holds for the generations after the next one too"
    restore "$V-new" --image "$DIR/work/unused" "$DIR/work/next-3"
    wait_exit "$pid"
    is "$status $(lines "$log")" \
        "0 before 1 after 1 returned 1 before 2 after 2 returned 2 before 3 after 3 returned 3 end " \
        "$V: four processes with new directories have done all checkpoints of the program"
    odd="$DIR/work/an odd, \"name\"=\\"$'\n'"é"
    restore "$V-odd" --image "$odd" "$first"
    wait_exit "$pid"
    is "$status" 137 "$V: restore --image takes a name with blanks, quotes, comma and newline"
    ok "$V: the image is in the directory with the odd name" test -f "$odd/image"
    restore "$V-missing" --image "$DIR/work/missing/directory" "$first"
    wait_exit "$pid"
    like "$status $(lines "$log")" \
        "^0 after 1 returned 1 before 2 after 2 refused 2: .*cannot make the image directory '$DIR/work/" \
        "$V: restore --image with a missing parent: checkpoints are refused, the process continues" ||
        diag "$(tail -n 20 "$log")"
    run "$CKPT" restore --image '' "$first"
    like "$status$out$err" "^2checkpointer: .*is empty; give it one" \
        "$V: restore --image with an empty name ends with 2"
}

# A checkpoint that is refused because of a child process.
leftovers() {
    local directory=$DIR/leftovers
    mkdir "$directory" "$directory/present"
    start "$V-leftovers" bash -c 'tail --pid=$$ -f /dev/null & exec "$@"' - "$JAVA" -Xmx64m \
        "-agentpath:$BUILD/libcheckpointer.so=image=$directory/%u,addr=none" -cp "$CP" Images 2 wait
    wait_line "$log" "refused 2"
    is "$(grep -c refused "$log") $(ls "$directory")" "2 present" \
        "$V: refused checkpoints leave no directories that they have made"
    run "$CKPT" checkpoint "$pid" "$directory/present"
    is "$status $(ls -A "$directory")" "1 present" \
        "$V: a refused checkpoint leaves a directory that was there before it"
    stop "$pid"
}

# A JVM that got its agent late, without image=, has a directory after restore --image.
late() {
    start "$V-late" "$JAVA" -Xmx64m -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    freeze "$pid" "$DIR/late" "$V: late"
    restore "$V-late" --image "$DIR/late-%p" "$DIR/late"
    wait_more "$log" 2
    "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$BUILD/libcheckpointer.so\"" '"signal=USR1"' \
        >"$TMP/jcmd" 2>&1
    kill -USR1 "$pid"
    wait_exit "$pid"
    is "$status" 137 "$V: restore --image gives a directory to a JVM that had none" ||
        diag "$(cat "$TMP/jcmd" "$log")"
    like "$(cat "$log")" "signal USR1: the image is in '$DIR/late-$pid'" \
        "$V: the message of a checkpoint by a signal has the pattern replaced"
}

body() {
    patterns
    generations
    refusals
    by_command
    new_directory
    leftovers
    late
}
each_jdk body
done_testing
