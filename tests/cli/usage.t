#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The command line: help and version. Each wrong argument, and each wrong process or directory, gets
# exactly one line on stderr, nothing on stdout, and exit status 2 (the arguments are wrong) or 1
# (they are right, but the request cannot be carried out). Starts no JVM.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
user_ready

# refused STATUS PATTERN WORD...: `checkpointer WORD...` ends with this status and one line like this
refused() {
    local want=$1 pattern=$2 name
    shift 2
    name="checkpointer $*: refused with: $pattern"
    name=${name//"$TMP/"/}
    name=${name//"$BUILD/"/}
    name=${name//$'\n'/ } # one line, and short
    [ ${#name} -lt 300 ] || name=${name:0:100}...${name: -100}
    RUN_SECONDS=20 run "$CKPT" "$@"
    if [ "$status" = "$want" ] && [ -z "$out" ] && [ "$(wc -l <<<"$err")" = 1 ] &&
        [[ $err =~ $pattern ]]; then
        pass "$name"
    else
        fail "$name" "status $status (want $want), out '${out:0:300}', err '${err:0:1000}'"
    fi
}

# --- help
for word in --help -h help; do
    run "$CKPT" "$word"
    is "$status$err" 0 "checkpointer $word ends with 0 and an empty stderr"
    for command in run checkpoint restore inspect check prepare resume endpoint; do
        like "$out" "$command +[A-Z]" "checkpointer $word lists the command $command"
    done
done
run "$CKPT" --version
like "$status $out" '^0 checkpointer [0-9]+\.[0-9]+\.[0-9]+$' "checkpointer --version prints the version"
for command in run checkpoint restore inspect check prepare resume endpoint; do
    run "$CKPT" "$command" --help
    is "$status$err" 0 "checkpointer $command --help ends with 0 and an empty stderr"
    contains "$out" "usage: checkpointer $command " "checkpointer $command --help prints the usage"
    is "$(awk 'length > 100' <<<"$out")" "" "checkpointer $command --help: no line has more than 100 columns"
done
run "$CKPT"
is "$status$out" 2 "checkpointer without a command ends with 2"
contains "$err" "usage: checkpointer COMMAND" "checkpointer without a command prints the usage"
run "$CKPT" freeze
is "$status$out" 2 "checkpointer freeze: an unknown command ends with 2"
contains "$err" "'freeze' is not a command" "checkpointer freeze: the unknown command is named"

# --- arguments
refused 2 "command to run is missing" run
refused 2 "command to run is missing" run --image "$TMP/i" --
refused 2 "'--image' needs a value" run --image
refused 2 "'--image' needs a directory" run --image= -- java
refused 2 "'--imagine' is not an option" run --imagine x -- java
refused 2 "process ID is missing" checkpoint
refused 2 "image directory is missing" checkpoint 1
refused 2 "one argument too many" checkpoint 1 "$TMP/i" x
refused 2 "'--leave' is not an option" checkpoint --leave 1 "$TMP/i"
refused 2 "'-5' is not an option" checkpoint -5 "$TMP/i"
refused 2 "image directory is missing" restore
refused 2 "one argument too many" restore a b
refused 2 "expected auto, namespace, host or elapsed" restore --time=mars a
refused 2 "'--time' needs a value" restore --time
refused 2 "'--fast' is not an option" restore --fast a
refused 2 "image directory is missing" inspect
refused 2 "one argument too many" inspect a b
refused 2 "'--xml' is not an option" inspect --xml a
refused 2 "'--xml' is not an option" check --xml
refused 2 "one argument too many" check 1 2
refused 2 "'--option=gc': expected KEY=VALUE" run --option gc -- java
refused 2 "agent's options.*too long" run --option "image=$(printf '%020000d' 0)" -- java
refused 2 "unknown pattern '%z'; use one of" run --image 'a%z' -- java
refused 2 "name too long" run --image "$(printf '%05000d' 0)" -- java
refused 2 "unknown pattern '%z'; use one of" checkpoint $$ 'a%z'
refused 2 "name too long" checkpoint $$ "$(printf '%05000d' 0)"
refused 2 "needs a name, without newlines" checkpoint $$ $'a\nb'
refused 2 "needs a name, without newlines" checkpoint $$ ''
refused 2 "'team' is not KEY=VALUE" checkpoint --label team $$ "$TMP/i"
refused 2 "'=x' is not KEY=VALUE" checkpoint --label==x $$ "$TMP/i"
refused 2 "was given before" checkpoint --label a=1 --label a=2 $$ "$TMP/i"
refused 2 "unknown pattern '%z'; use one of" restore --image 'a%z' "$TMP/none"
refused 2 "directory is empty; give it one" restore --image= "$TMP/none"
refused 2 "'team' is not KEY=VALUE" restore --require-label team "$TMP/none"
refused 2 "was given before" restore --require-label a=1 --require-label a=2 "$TMP/none"
refused 2 "-Djdk.crac.require-labels==x: the label '=x' is not" restore -Djdk.crac.require-labels==x a
refused 2 "'=x' has no variable name; expected KEY=VALUE or KEY" restore --env =x "$TMP/none"
refused 2 "'' has no variable name; expected KEY=VALUE or KEY" restore --env= "$TMP/none"
for option in --env-file --policies --cwd --engine --criu --criu-option; do
    refused 2 "option '$option' needs a value" restore "$option=" "$TMP/none"
done
refused 2 "expected refuse or exception" restore --missing= "$TMP/none"
mapfile -t options < <(yes -- --criu-option=tcp-close | head -n 65)
refused 2 "'--criu-option' may be given 64 times" restore "${options[@]}" "$TMP/none"
for command in restore check "checkpoint $$"; do
    # shellcheck disable=SC2086
    refused 2 "are for --engine=criu" $command --engine=builtin --criu=/bin/true "$TMP/none"
done
for command in run restore check "checkpoint $$"; do
    # shellcheck disable=SC2086
    refused 2 "expected a number from 1 to 86400" $command --criu-timeout=0 "$TMP/none"
done
printf 'type: file\naction: shut\n' >"$TMP/wrong"
for command in "checkpoint $$ $TMP/i" "run -- java"; do
    words=("${command%% *}")
    for option in --policies --connections --children; do
        # shellcheck disable=SC2086
        refused 2 "option '$option' needs a value" "${words[@]}" "$option=" ${command#* }
    done
    # shellcheck disable=SC2086
    {
        refused 2 "'--connections=shut': expected refuse or close" \
            "${words[@]}" --connections=shut ${command#* }
        refused 2 "'--children=kill': expected refuse, end or ignore" \
            "${words[@]}" --children=kill ${command#* }
        refused 2 "wrong:2: action 'shut'; expected error" "${words[@]}" --policies "$TMP/wrong" ${command#* }
        refused 2 "cannot read the policy file '$TMP/none'" "${words[@]}" --policies "$TMP/none" ${command#* }
        refused 2 "is not a regular file" "${words[@]}" --policies "$TMP" ${command#* }
        for option in --policies="$TMP/wrong" --connections=close --children=refuse; do
            refused 2 "are for the built-in engine" "${words[@]}" --engine=criu "$option" ${command#* }
        done
    }
done
refused 2 "newline in its name" checkpoint --policies $'a\nb' $$ "$TMP/i"
refused 2 "'' is not an address" endpoint $$ ''
refused 2 "'a.b' is not an address" endpoint $$ $'a\nb'
# What the environment or a file lacks is no fault of the arguments.
refused 1 "variable 'NOT_SET' .* is not set" restore '-Djdk.crac.require-labels=a=$NOT_SET' "$TMP/none"
refused 1 "cannot read '$TMP/none': no such file" restore --env-file "$TMP/none" "$TMP/none"

# --- processes
sh -c : &
ended=$!
wait "$ended"
for word in abc '' 0 - 12x 1.0 +1 ' 1' '1 ' 01 0x1 4194305 99999999999999999999; do
    refused 2 "'${word/+/.}' is not a process ID; 'jps' lists" checkpoint "$word" "$TMP/i"
    for command in check prepare resume endpoint; do
        refused 2 "'${word/+/.}' is not a process ID; 'jps' lists" "$command" "$word"
    done
done
for command in check prepare resume endpoint; do
    refused 2 "'-5' is not an option" "$command" -5
done
[ -d /proc/4194304 ] || refused 1 "no process 4194304" prepare 4194304
refused 1 "no process $ended" checkpoint "$ended" "$TMP/i"
refused 1 "is not a JVM" checkpoint $$ "$TMP/i"
left=/tmp/.checkpointer_$(id -u)_pid$$
if [ ! -e "$left" ]; then
    python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$left"
    run "$CKPT" checkpoint $$ "$TMP/i"
    like "$err" "^checkpointer: process $$ is not a JVM" \
        "checkpointer checkpoint: a socket that an earlier process has left makes no JVM"
    rm "$left"
fi
not_ok "checkpointer checkpoint: a refused checkpoint makes no image directory" test -e "$TMP/i"
if [ "$(id -u)" -eq 0 ]; then
    start other tail -f /dev/null
    RUN_SECONDS=20 run as_user "$CKPT" checkpoint "$pid" "$USER_DIR/i"
    is "$status" 1 "checkpointer checkpoint: another user's process is refused"
    like "$err" "^checkpointer: process $pid is not yours[^"$'\n'"]*$" \
        "checkpointer checkpoint: another user's process is refused in one line"
    stop "$pid"
else
    cannot "checkpointer checkpoint: another user's process is refused" "only root has others' processes"
fi
# JAVA_TOOL_OPTIONS is split at blanks, and quotes are taken out.
printf '#!/bin/sh\nprintenv JAVA_TOOL_OPTIONS\n' >"$TMP/launcher"
chmod +x "$TMP/launcher"
JAVA_TOOL_OPTIONS=-Dx run "$CKPT" run --image "/an image/'\"" -- "$TMP/launcher"
is "$out" "-Dx -agentpath:${AGENT// /\" \"}=image=/an\" \"image/\"'\"'\"'" \
    "checkpointer run: a script gets the agent as one word of JAVA_TOOL_OPTIONS"

refused 1 "cannot start '/nowhere/java': no such file" run -- /nowhere/java
refused 1 "cannot start '$TMP': permission denied" run -- "$TMP"
install -D "$CKPT" "$TMP/alone/checkpointer"
CKPT=$TMP/alone/checkpointer refused 1 "libcheckpointer.so is neither in" run -- java -version

# --- image directories
folder() { # NAME: an empty one, in $dir
    dir=$TMP/$1
    mkdir -m 700 "$dir"
}
for command in restore inspect; do
    refused 1 "cannot open the image directory '$TMP/none': no such file" "$command" "$TMP/none"
    refused 2 "image directory is missing" "$command" ''
    refused 1 "cannot open the image directory '$CKPT': not a directory" "$command" "$CKPT"
    folder "$command-empty"
    refused 1 "there is no checkpoint in '$dir'" "$command" "$dir"
    folder "$command-nothing"
    : >"$dir/image"
    refused 1 "'$dir/image': this is not an image of checkpointer" "$command" "$dir"
    folder "$command-text"
    yes 'not an image' | head -c 100000 >"$dir/image"
    refused 1 "'$dir/image': this is not an image of checkpointer" "$command" "$dir"
    folder "$command-zeros"
    head -c 100000 /dev/zero >"$dir/image"
    refused 1 "'$dir/image': this is not an image of checkpointer" "$command" "$dir"
    folder "$command-elf"
    cp "$AGENT" "$dir/image"
    refused 1 "'$dir/image': this is not an image of checkpointer" "$command" "$dir"
    folder "$command-folder"
    mkdir "$dir/image"
    refused 1 "'$dir/image' is not a regular file" "$command" "$dir"
    folder "$command-pipe"
    mkfifo "$dir/image"
    refused 1 "'$dir/image' is not a regular file" "$command" "$dir"
    folder "$command-link"
    ln -s ../restore-text/image "$dir/image"
    refused 1 "cannot open '$dir/image': too many symbolic links" "$command" "$dir"
    if [ "$(id -u)" -eq 0 ]; then
        folder "$command-closed"
        run as_user "$CKPT" "$command" "$dir"
        like "$status$err" "^1checkpointer: [^"$'\n'"]*: permission denied[^"$'\n'"]*$" \
            "checkpointer $command: a directory that the user cannot read is refused"
    else
        cannot "checkpointer $command: a directory that the user cannot read is refused" \
            "only root gives folders away"
    fi
done

done_testing
