#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Labels of an image: given by `checkpoint --label`, the agent's option label= and POST /checkpoint;
# shown by `inspect`; required by `restore --require-label`. Wrong ones are refused before any hook.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need curl python3
compile Images

LONG=$(printf '%04000d' 0)

# labels DIR: those of the image, as sorted JSON.
labels() {
    "$CKPT" inspect --json "$1" | python3 -c '
import json, sys
print(json.dumps(json.load(sys.stdin)["labels"], sort_keys=True, ensure_ascii=False))'
}

# required NAME DIR LABEL...: the labels are accepted.
required() {
    run "$CKPT" restore --dry-run "${@:3}" "$2"
    is "$status$err" 0 "$1"
}

# missing NAME DIR PATTERN LABEL...: the image is refused, and nothing was started.
missing() {
    run "$CKPT" restore "${@:4}" "$2"
    refused "$1" "$3"
}

# wrong_label NAME DIR PATTERN LABEL...: no image could have such labels.
wrong_label() {
    run "$CKPT" restore "${@:4}" "$2"
    like "$status$out$err" "^2checkpointer: .*$3" "$1"
}

by_command() {
    local image=$DIR/command
    OPTIONS=(addr=none label=team=blue 'label=build=7, of=9')
    start_jvm "$V-command" - -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run "$CKPT" checkpoint --leave-running --label build=8 --label='app=a=b "c"' --label empty= \
        --label "naïve=日本" "$pid" "$image"
    is "$status$out$err" 0 "$V: a checkpoint with labels succeeds"
    is "$(labels "$image")" \
        '{"app": "a=b \"c\"", "build": "8", "empty": "", "naïve": "日本", "team": "blue"}' \
        "$V: an image has the labels of the agent's options, and those of the command in their place"
    is "$("$CKPT" inspect "$image" | grep -A4 '^  labels' | sed 's/^  labels/        /; s/^ *//')" \
        $'team=blue\nbuild=8\napp=a=b "c"\nempty=\nnaïve=日本' "$V: inspect lists the labels"
    run "$CKPT" checkpoint "$pid" "$DIR/second"
    is "$status$err $(labels "$DIR/second")" '0 {"build": "7, of=9", "team": "blue"}' \
        "$V: labels of one checkpoint are not those of the next one"
    required "$V: a restore that requires the labels of the image succeeds" "$image" \
        --require-label build=8 --require-label "naïve=日本" --require-label=empty=
    missing "$V: a label with another value is refused, with the labels of the image" "$image" \
        "label 'build=7' is required .*labels 'team=blue, build=8, app=a=b \"c\", empty=, naïve=日本'; choose" \
        --require-label team=blue --require-label build=7
    missing "$V: a label that the image does not have is refused" "$image" "label 'other=1' is required" \
        --require-label other=1
    wrong_label "$V: a required label without a value is refused" "$image" \
        "'team' is not KEY=VALUE; give" --require-label team
    wrong_label "$V: two required labels with the same key are refused" "$image" \
        "given before; give each key once" --require-label a=1 --require-label a=2
    restore "$V-command" --require-label team=blue "$DIR/second"
    ok "$V: an image with the required label is restored" wait_more "$log" 2
    run "$CKPT" checkpoint --label build=9 "$pid" "$DIR/third"
    is "$status$err $(labels "$DIR/third")" '0 {"build": "9", "team": "blue"}' \
        "$V: a restored process keeps the labels of the agent's options, and takes those of a command"
}

# bad NAME PATTERN LABEL...: `checkpoint` refuses the labels.
bad() {
    run "$CKPT" checkpoint "${@:3}" "$pid" "$DIR/bad"
    if [[ $status$out$err =~ ^2checkpointer:\ .*$2 ]] && [ "$(wc -l <<<"$err")" = 1 ]; then
        pass "$1"
    else
        fail "$1" "status $status, out '$out', err '${err:0:600}', want 2, $2"
    fi
}

many() {
    local i
    for ((i = 0; i < $1; i++)); do
        echo "--label=k$i=v"
    done
}

wrong() {
    local all
    OPTIONS=(addr=none "label=x=$LONG")
    start_jvm "$V-wrong" "$DIR/wrong" -Xmx64m -cp "$CP" Images 0 wait
    wait_line "$log" end
    bad "$V: a label without '=' is refused" "'nothing' is not KEY=VALUE; give" --label nothing
    bad "$V: a label without a key is refused" "'=x' is not KEY=VALUE; give" --label =x
    bad "$V: an empty label is refused" "'' is not KEY=VALUE; give" --label ''
    bad "$V: a label with a newline is refused" "control characters.*; use" --label $'a=b\nc'
    bad "$V: a label with an escape is refused" "control characters.*; use" --label $'a=\e[31m'
    bad "$V: a label with a C1 control is refused" "control characters.*; use" --label $'a=\u009b31m'
    bad "$V: a label that is not UTF-8 is refused" "not UTF-8; use" --label $'a=\xff'
    bad "$V: a label with a longer form than UTF-8 allows is refused" "not UTF-8; use" --label $'a=\xc0\xaf'
    bad "$V: a label that is given twice is refused" "was given before; give" --label a=1 --label a=2
    bad "$V: a label of 5000 bytes is refused" "too long; give" --label "a=$LONG$LONG"
    mapfile -t all < <(many 65)
    bad "$V: 65 labels are refused" "too many or too long labels; give" "${all[@]}"
    run "$CKPT" checkpoint --label "y=$LONG" "$pid" "$DIR/bad"
    like "$status$err" "^1.*too many or too long labels; give" \
        "$V: labels that are too long together with those of the options are refused by the agent"
    ok "$V: refused labels have called no hook" test "$(grep -c before "$log")" = 0
    mapfile -t all < <(many 63)
    run "$CKPT" checkpoint "${all[@]}" "--label=x=$LONG" --leave-running "$pid" "$DIR/full"
    is "$status" 2 "$V: 64 labels of more bytes than there is room for are refused"
    run "$CKPT" checkpoint "${all[@]}" "--label=x=${LONG:0:3000}" --leave-running "$pid" "$DIR/full"
    is "$status$err" 0 "$V: 64 labels of nearly 4096 bytes are accepted"
    missing "$V: a message about an image with many labels is short" "$DIR/full" "\.\.\.'; choose" \
        --require-label x=1
    stop "$pid"
    for option in label=nothing label=a=1,label=a=2 label==x $'label=a=\tb'; do
        run "$JAVA" "-agentpath:$BUILD/libcheckpointer.so=addr=none,$option" -version
        like "$status$err" "^1checkpointer: error: .*label.*; (give|use)" \
            "$V: the agent option '${option//$'\t'/TAB}' is refused before the JVM starts"
    done
}

by_http() {
    local image=$DIR/http
    OPTIONS=("addr=unix:$DIR/socket" label=team=blue)
    start_jvm "$V-http" "$image" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    run post '{"labels": {"a=b": "c"}}'
    like "$out" "keys without '='" "$V: POST /checkpoint refuses a key with '='"
    run post '{"labels": {"a": 1}}'
    like "$out" "expected strings" "$V: POST /checkpoint refuses a label that is no string"
    run post '{"labels": {"build": "8"}, "directory": "'"$DIR"'/%q"}'
    like "$out" "unknown pattern '%q'" "$V: POST /checkpoint refuses an unknown pattern"
    run post '{"labels": {"build": "8"}, "leaveRunning": true}'
    is "$(labels "$image")" '{"build": "8", "team": "blue"}' "$V: POST /checkpoint takes labels" ||
        diag "$out"
    stop "$pid"
}

post() { # BODY
    curl -sS --max-time 60 --unix-socket "$DIR/socket" -H 'Content-Type: application/json' \
        -d "$1" http://localhost/checkpoint
}

by_property() {
    local image=$DIR/property
    export BAR=GOO foo=xxx
    OPTIONS=(addr=none label=team=blue label=abc=old)
    start_jvm "$V-property" "$image" -Xmx64m '-Djdk.crac.labels=foo,abc=def,ghi=$BAR' -cp "$CP" Images 1
    wait_exit "$pid"
    is "$(labels "$image")" '{"abc": "def", "foo": "xxx", "ghi": "GOO", "team": "blue"}' \
        "$V: CRaC's property jdk.crac.labels gives an image labels" || diag "$(cat "$log")"
    required "$V: CRaC's property jdk.crac.require-labels: labels that the image has are accepted" "$image" \
        '-Djdk.crac.require-labels=abc=def,ghi=$BAR,foo' --require-label team=blue
    missing "$V: CRaC's property jdk.crac.require-labels: a label with another value is refused" "$image" \
        "label 'abc=xxx' is required" -Djdk.crac.require-labels=foo,abc=xxx
    missing "$V: jdk.crac.require-labels with a variable that is not set is refused" "$image" \
        "variable 'NOT_SET' .* is not set; set it" '-Djdk.crac.require-labels=abc=$NOT_SET'
    start_jvm "$V-property-wrong" "$image" -Xmx64m -Djdk.crac.labels=a=1,NOT_SET -cp "$CP" Images 1
    wait_exit "$pid"
    like "$status $(tr '\n' ' ' <"$log")" \
        "^0 refused 1: .* reason 1: -Djdk.crac.labels: the environment variable 'NOT_SET' .*; set it" \
        "$V: jdk.crac.labels with a variable that is not set: refused before the hooks"
    unset BAR foo
}

none() {
    OPTIONS=(addr=none)
    start_jvm "$V-none" "$DIR/none" -Xmx64m -cp "$CP" Images 1
    wait_exit "$pid"
    is "$(labels "$DIR/none")" '{}' "$V: an image without labels has an empty object"
    missing "$V: an image without labels is refused if one is required" "$DIR/none" \
        "label 'a=1' is required .* has no labels; choose" --require-label a=1
}

body() {
    by_command
    wrong
    by_http
    by_property
    none
}
each_jdk body
done_testing
