#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An image survives an upgrade of checkpointer: with library, jar and command replaced by those of
# another build, its agent continues, takes new options of a restore, and makes further images for the
# new command; and the image of the previous release (tests/lib/previous-release) is restored by the
# present command.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need meson ninja python3
compile NewLife Manifests

# Not below /tmp: there, the image has a copy of any library.
INSTALLED=$(mktemp -d "$BUILD/installed.XXXXXX")
trap 'rm -rf "$INSTALLED"; tap_cleanup' EXIT
PRESENT=$BUILD
SECOND=$TMP/second
PREVIOUS=$TMP/previous
CKPT=$INSTALLED/checkpointer # and `run` takes the library next to it
RELEASE=$("$PRESENT/checkpointer" --version | sed 's/.* //')

# build_into FOLDER SOURCE [MESON-OPTION...]: command, library and jar.
build_into() {
    local said
    said=$(JAVA_HOME=$("$TOP/tools/jdks" --at-least 11) meson setup "${@:3}" "$1" "$2" 2>&1 &&
        ninja -C "$1" checkpointer libcheckpointer.so checkpointer.jar 2>&1) ||
        bail_out "the build in '$1' failed: $(tail -n 20 <<<"$said")"
}

# install_from FOLDER: as a package does it: a new file takes the old one's name.
install_from() {
    local name
    mkdir -p "$INSTALLED"
    for name in checkpointer libcheckpointer.so checkpointer.jar; do
        cp "$1/$name" "$INSTALLED/$name.new"
        mv "$INSTALLED/$name.new" "$INSTALLED/$name"
    done
}

# made_by DIR: the release whose agent made the image.
made_by() {
    "$CKPT" inspect --json "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["checkpointer"])'
}

# continues NAME: the counter in the log continues, one number after the other.
continues() {
    if wait_line "$log" "" && wait_more "$log" 2; then
        in_sequence "$log" "$1"
    else
        fail "$1" "$(tail -n 5 "$log")"
    fi
}

# generations NAME MAKER FIRST LATER [jar]: an image that FIRST's agent, of release MAKER, has made for
# FIRST's command; then two further generations of it with LATER's command. jar: the agent came from it.
generations() {
    local name=$1 maker=$2 first=$3 later=$4 image=$DIR/${1// /-}
    install_from "$first"
    if [ "${5:-}" = jar ]; then
        start "$V $name" "$JAVA" "-javaagent:$INSTALLED/checkpointer.jar=addr=none" -cp "$CP" \
            Manifests "$INSTALLED/checkpointer.jar"
    else
        start_jvm "$V $name" - -jar "$SIMPLE" --period 20
    fi
    wait_line "$log" 3
    freeze "$pid" "$image" "JDK $V: $name"
    install_from "$later"
    restore "$V $name" "$image"
    continues "JDK $V: $name: the other command restores the image"
    freeze "$pid" "$image" "JDK $V: $name: the other command asks for a checkpoint"
    is "$(made_by "$image")" "$maker" "JDK $V: $name: the agent is still the first one"
    rm "$INSTALLED/libcheckpointer.so" "$INSTALLED/checkpointer.jar"
    restore "$V $name" "$image"
    continues "JDK $V: $name: the next generation restores without library and jar"
    stop "$pid"
    is "$(grep -c wrong "$log")" 0 "JDK $V: $name: what the JVM has open of the jar is as it was"
    ok "JDK $V: $name: no page of the image has changed" "$CKPT" restore --dry-run --verify "$image"
}

# The control protocol: answers to a command of another release.
requests() {
    local image=$DIR/requests open=$DIR/open
    install_from "$PRESENT"
    start_jvm "$V requests" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    freeze "$pid" "$image" "JDK $V: requests"
    install_from "$SECOND"
    restore "$V requests" "$image"
    continues "JDK $V: requests: the other command restores the image"
    mkdir -m 777 "$open"
    run "$CKPT" checkpoint "$pid" "$open"
    is "$status" 1 "JDK $V: requests: the older agent refuses the other command's request"
    contains "$err" "other users may write in the image directory '$open'" \
        "JDK $V: requests: the older agent's reason reaches the other command's user"
    run "$CKPT" checkpoint --leave-running --no-gc --no-rehearsal "$pid" "$image"
    is "$status$err" 0 "JDK $V: requests: the older agent understands the other command's options"
    continues "JDK $V: requests: the JVM that was left running continues"
    stop "$pid"
}

# What a restore gives the process goes through memory that both releases know.
parameters() {
    local image=$DIR/parameters
    install_from "$PRESENT"
    start_jvm "$V parameters" - -cp "$CP" NewLife wait NEW_A
    wait_line "$log" ready
    freeze "$pid" "$image" "JDK $V: parameters"
    install_from "$SECOND"
    restore "$V parameters" "$image" -DNEW_A=property --env NEW_A=variable -- 'NewLife$Second' argument
    wait_line "$log" "second argument"
    ok "JDK $V: parameters: the older agent takes a property" \
        grep -qxF "hook property NEW_A=[property]" "$log"
    ok "JDK $V: parameters: the older agent takes a variable" \
        grep -qxF "hook env NEW_A=[variable]" "$log"
    ok "JDK $V: parameters: the older agent runs another main class" \
        grep -qxF "second argument =[argument]" "$log"
    stop "$pid"
}

# What the previous release's agent does not know is refused, not dropped. Its last image is still there.
newer_options() {
    local option image="$DIR/the-previous-release"
    install_from "$PRESENT"
    for option in "--image=$DIR/other" --keep-start-time --missing=exception; do
        run "$CKPT" restore "$option" "$image"
        option=${option%"=$DIR/other"}
        like "$status$err" "^1checkpointer: the agent in the image is .* restore without $option$" \
            "JDK $V: restore $option: refused if the agent in the image does not know it"
    done
    run "$CKPT" restore --require-label a=1 "$image"
    like "$status$err" "^1.*the image has no labels; choose another image$" \
        "JDK $V: restore --require-label: an image of a release without labels has none"
    restore "$V options" "$image"
    wait_line "$log" ""
    run "$CKPT" checkpoint --label a=1 "$pid" "$image"
    like "$status$err" "^1.*the request was not understood; use" \
        "JDK $V: checkpoint --label: refused by an agent that does not know it"
    run "$CKPT" checkpoint "$pid" "$image-%p"
    like "$status$err" "^1.*the request was not understood; use" \
        "JDK $V: checkpoint with a pattern: refused by an agent that does not know it"
    wait_more "$log" 2
    stop "$pid"
}

# has_history: the previous release's sources are in $PREVIOUS.src.
has_history() {
    local commit
    commit=$(grep -v '^#' "$TOP/tests/lib/previous-release")
    git -C "$TOP" cat-file -e "$commit^{commit}" 2>/dev/null || return 1
    mkdir "$PREVIOUS.src"
    git -C "$TOP" archive "$commit" | tar -x -C "$PREVIOUS.src"
}

body() {
    generations "an older image" "$RELEASE" "$PRESENT" "$SECOND"
    generations "a newer image" 9.9.9-second "$SECOND" "$PRESENT"
    generations "an older jar" "$RELEASE" "$PRESENT" "$SECOND" jar
    generations "a newer jar" 9.9.9-second "$SECOND" "$PRESENT" jar
    requests
    parameters
    if [ -d "$PREVIOUS" ]; then
        generations "the previous release" "$("$PREVIOUS/checkpointer" --version | sed 's/.* //')" \
            "$PREVIOUS" "$PRESENT"
        newer_options
    else
        cannot "JDK $V: the previous release" "its commit is not in the history here (a shallow clone)"
    fi
}

# Another version, and another optimization: all addresses in the library are other ones. Its mailbox and
# parameters (src/image/mailbox.h) are larger.
build_into "$SECOND" "$TOP" -Doptimization=1 \
    "-Dc_args=['-UCKPT_VERSION', '-DCKPT_VERSION=\"9.9.9-second\"', '-DCKPT_TEST_LARGER']"
is "$("$SECOND/checkpointer" --version)" "checkpointer 9.9.9-second" "the second build has another version"
isnt "$(readelf -n "$SECOND/libcheckpointer.so" | grep 'Build ID')" \
    "$(readelf -n "$PRESENT/libcheckpointer.so" | grep 'Build ID')" "the second build has another build-id"
if has_history; then
    build_into "$PREVIOUS" "$PREVIOUS.src"
fi
each_jdk body
done_testing
