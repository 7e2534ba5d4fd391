#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# What ARCHITECTURE.md says of adding to this tree is true: each part is added to a copy of it, by the
# places that are named there and no other, and the copy is built and works. And the lint finds what must
# not be added.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3 meson ninja
[ -f "$SIMPLE" ] || bail_out "examples/simple is not built, run tools/build --examples"

# copy_tree DIR: the sources of this checkout, or of a release's tarball; and the example that JVMs run.
copy_tree() {
    mkdir -p "$1/${SIMPLE_FOLDER:=examples/simple/target}"
    (
        cd "$TOP" || exit
        if git rev-parse --git-dir >/dev/null 2>&1; then
            git ls-files -z -co --exclude-standard | xargs -0 sh -c 'ls -d "$@" 2>/dev/null' - | tar -c -T -
        else
            tar -c --exclude='./build*' --exclude=target .
        fi
    ) | tar -x -C "$1"
    ln -s "$SIMPLE" "$1/$SIMPLE_FOLDER/simple.jar"
}

# add_after FILE LINE TEXT: TEXT as a line of its own after the first line that is LINE, which must be there.
add_after() {
    python3 - "$@" <<'PYTHON'
import sys

path, line, text = sys.argv[1:]
lines = open(path, encoding="utf-8").read().split("\n")
at = next((i for i, found in enumerate(lines) if found.startswith(line)), None)
if at is None:
    sys.exit(f"{path} has no line that begins with '{line}'")
lines.insert(at + 1, text)
open(path, "w", encoding="utf-8").write("\n".join(lines))
PYTHON
}

# ---- a kind of descriptor: sockets of netlink

add_kind() { # the five places of "To add a kind", in a copy
    cat >src/engine/builtin/fd/kind_netlink.c <<'C'
/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * Runs while all threads are parked: raw system calls only, no libc but memcpy and its kin.
 *
 * Sockets of netlink: opened again.
 */
#include <sys/socket.h>

#include "base/raw.h"
#include "base/syscall.h"
#include "engine/builtin/fd/kind.h"
#include "engine/builtin/fd/sockets.h"

static bool matches(const struct ckpt_gather *gather, const struct ckpt_live_fd *live)
{
    (void)gather;
    return S_ISSOCK(live->status.st_mode) &&
           ckpt_socket_option(live->number, SOL_SOCKET, SO_DOMAIN) == AF_NETLINK;
}

static int freeze(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error)
{
    uint32_t protocol = (uint32_t)ckpt_socket_option(live->number, SOL_SOCKET, SO_PROTOCOL);

    return ckpt_tables_pool(&gather->tables, &protocol, sizeof protocol, &entry->data, error);
}

static bool valid(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry)
{
    (void)image;
    return entry->data.size == sizeof(uint32_t);
}

static void describe(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size)
{
    ckpt_raw_format(text, size, "protocol %u",
                    *(const uint32_t *)ckpt_view_text(image, entry->data));
}

static int thaw(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error)
{
    uint32_t protocol = *(const uint32_t *)ckpt_view_text(thaw->image, entry->data);
    long opened =
        ckpt_syscall(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol, 0, 0, 0);

    if (opened < 0)
        return ckpt_error_set(error, (int)-opened, "cannot make a socket");
    return (int)opened;
}

const struct ckpt_fd_kind_row ckpt_kind_netlink = {
    .number = CKPT_FD_NETLINK,
    .name = "netlink socket",
    .support = {.kept = "its protocol"},
    .policy = CKPT_POLICY_SOCKET,
    .matches = matches,
    .freeze = freeze,
    .valid = valid,
    .describe = describe,
    .thaw = thaw,
};
C
    add_after src/engine/builtin/fd/meson.build "  'udp'," "  'netlink'," || return
    add_after src/image/format.h '    CKPT_FD_UNIX_DATAGRAM,' '    CKPT_FD_NETLINK,' || return
    cat >tests/jvm/netlink.t <<'TEST'
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
# Java cannot make one: makes it at 20, and becomes the command that follows.
cat >"$TMP/opener" <<'PYTHON'
import os, socket, sys
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
os.dup2(netlink.fileno(), 20, inheritable=True)
os.execv(sys.argv[1], sys.argv[1:])
PYTHON
body() {
    local generation
    start netlink python3 "$TMP/opener" "$JAVA" "-agentpath:$AGENT=addr=none" -jar "$SIMPLE" --period 20
    wait_line "$log" 3
    for generation in 1 2; do
        freeze "$pid" "$DIR/image" "generation $generation" || return
        run "$CKPT" inspect "$DIR/image"
        like "$out" $'\n +20  netlink socket +protocol 0\n' "generation $generation: inspect shows it"
        restore netlink "$DIR/image"
        wait_more "$log" 3
        like "$(readlink "/proc/$pid/fd/20")" '^socket:' "generation $generation: it is at its number"
    done
    stop "$pid"
}
each_jdk body
done_testing
TEST
}

kind() {
    local tree=$TMP/kind
    copy_tree "$tree/plain"
    cp -r "$tree/plain" "$tree/more"
    run sh -c 'cd "$1" && shift && "$@"' sh "$tree/more" bash -c "$(declare -f add_kind add_after); add_kind"
    is "$status$err" 0 "kind: a made-up kind is added by the four places of ARCHITECTURE.md"
    is "$(diff -rq "$tree/plain" "$tree/more" | wc -l)" 4 "kind: only the four places change" ||
        diag "$(diff -rq "$tree/plain" "$tree/more")"
    RUN_SECONDS=900 run "$tree/more/tools/build" --werror
    "$tree/more/tools/support"
    contains "$(<"$tree/more/docs/support.md")" "| **netlink socket** | its protocol | – | never |" \
        "kind: tools/support writes what it says into docs/support.md"
    is "$status" 0 "kind: the sources build with a made-up kind" || { diag "$out$err" && return; }
    python3 -c 'import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)' 2>/dev/null ||
        { cannot "kind: a JVM with a made-up kind is restored" "no netlink here" && return; }
    RUN_SECONDS=300 run env -u CKPT_BUILD "JAVA_HOMES=${JDKS[0]}" bash "$tree/more/tests/jvm/netlink.t"
    is "$status" 0 "kind: a JVM with a made-up kind is frozen, inspected and restored" || diag "$out$err"
}

# ---- a processor: a folder of src/arch that provides nothing

processor() {
    local tree=$TMP/processor jdk declared
    copy_tree "$tree"
    mkdir "$tree/src/arch/m68k"
    echo '# SPDX-License-Identifier: LGPL-3.0-or-later' >"$tree/src/arch/m68k/meson.build"
    jdk=$("$TOP/tools/jdks" --at-least 11)
    run meson setup -Dwerror=true -Darch=m68k -Doptimization=0 "-Djdk=$jdk" "$tree/build" "$tree"
    is "$status" 0 "processor: the build finds the folder of a made-up processor" ||
        { diag "$out$err" && return; }
    RUN_SECONDS=900 run ninja -C "$tree/build" -k 0 checkpointer libcheckpointer.so src/arch-contract
    declared=$({
        grep -oE '\bckpt_arch_\w+\(' "$TOP/src/arch/arch.h" | tr -d '('
        echo ckpt_arch
    } | sort -u)
    is "$(grep -oE "undefined (reference to|symbol:) \W?\w+" <<<"$out$err" | grep -oE '\w+$' | sort -u)" \
        "$declared" "processor: the undefined symbols at linking are exactly those that arch.h declares"
    is "$(grep '^FAILED: ' <<<"$out$err" | sed 's/^FAILED: //; s/ *$//' | sort)" \
        $'src/arch-contract\nsrc/engine/builtin/restorer/restorer.elf' \
        "processor: all else of the agent and the command compiles"
}

# ---- an engine that refuses everything

# The places of "To add one" (an engine), in a copy; before the other, so that it is the default.
add_engine() {
    mkdir src/engine/refusing
    cat >src/engine/refusing/meson.build <<'MESON'
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An engine that refuses everything.
ordinary_sources += files('in_jvm.c')
restoring_sources += files('in_command.c')
MESON
    cat >src/engine/refusing/in_jvm.c <<'C'
/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An engine that refuses everything, in the JVM.
 */
#include "engine/engine.h"

static void on_load(void)
{
}

static int check_machine(struct ckpt_error *error)
{
    (void)error;
    return 0;
}

static int check_room(const struct ckpt_host *host, struct ckpt_error *error)
{
    (void)host;
    (void)error;
    return 0;
}

static int prepare(const struct ckpt_host *host, struct ckpt_engine_job **ret_job,
                   struct ckpt_error *error)
{
    (void)host;
    (void)ret_job;
    return ckpt_error_set(error, 0, "the engine refuses to prepare");
}

const struct ckpt_engine_jvm ckpt_engine_refusing_jvm = {
    .name = "refusing",
    .on_load = on_load,
    .check_machine = check_machine,
    .check_room = check_room,
    .prepare = prepare,
};
C
    cat >src/engine/refusing/in_command.c <<'C'
/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * An engine that refuses everything, in the command.
 */
#include "engine/engine.h"

static int check(const struct ckpt_engine_settings *settings, ckpt_finding_fn *report,
                 void *context)
{
    (void)settings;
    report(context, CKPT_NO, "engine", "it refuses everything (use another one)");
    return -1;
}

static int freeze(const struct ckpt_freeze_request *request, struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "the engine refuses to freeze JVM %d into '%s'", request->pid,
                          request->directory);
}

static int restore(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "the engine refuses to restore '%s'", request->directory);
}

static int rehearse(const struct ckpt_restore_request *request, struct ckpt_error *error)
{
    return ckpt_error_set(error, 0, "the engine refuses to rehearse '%s'", request->directory);
}

static int describe(const char *directory, bool verify, struct ckpt_description *ret_description,
                    struct ckpt_error *error)
{
    (void)verify;
    (void)ret_description;
    return ckpt_error_set(error, 0, "the engine refuses to describe '%s'", directory);
}

const struct ckpt_engine ckpt_engine_refusing = {
    .name = "refusing",
    .check = check,
    .freeze = freeze,
    .restore = restore,
    .rehearse = rehearse,
    .describe = describe,
};
C
    sed -i "s/^engines = \['builtin', /engines = ['refusing', 'builtin', /" src/engine/meson.build
    add_after tools/lint '    "src/engine": {"src/engine"' \
        '    "src/engine/refusing": {"src/engine/refusing", "src/engine", "src/base"},' || return
    add_after tools/lint '    "src/engine": "shared",' '    "src/engine/refusing": "restoring",' || return
    add_after tools/lint '    "src/engine": "shared",' '    "src/engine/refusing/in_jvm.c": "ordinary",'
}

# made_by_refusing DIR: the image there says that the engine `refusing` has made it.
made_by_refusing() {
    python3 - "$1/image" <<'PYTHON'
import sys

with open(sys.argv[1], "r+b") as image:
    at = image.read(1 << 20).index(b"builtin".ljust(16, b"\0"))
    image.seek(at)
    image.write(b"refusing")
PYTHON
}

engine() {
    local tree=$TMP/engine image=$TMP/engine-image command
    compile Endpoint
    JAVA=${JDKS[0]}/bin/java
    start_jvm engine - -jar "$SIMPLE" --period 20
    wait_line "$log" 2
    freeze "$pid" "$image" "engine: a JVM is frozen" || return
    made_by_refusing "$image"
    for command in restore "restore --dry-run" inspect; do
        # shellcheck disable=SC2086 # two words
        run "$CKPT" $command "$image"
        is "$status$out$err" "1checkpointer: the image was made by the engine 'refusing', and this"\
" checkpointer has only 'builtin' and 'criu'; use a checkpointer with that engine" \
            "engine: $command of an image of an unknown engine is refused, with a hint"
    done
    copy_tree "$tree/plain"
    cp -r "$tree/plain" "$tree/more"
    run sh -c 'cd "$1" && shift && "$@"' sh "$tree/more" \
        bash -c "$(declare -f add_engine add_after); add_engine"
    is "$status$err" 0 "engine: a made-up engine is added by the places of ARCHITECTURE.md"
    is "$(diff -rq "$tree/plain" "$tree/more" | grep -o 'refusing$\|plain/[^ ]*' | sort | tr '\n' ' ')" \
        "plain/src/engine/meson.build plain/tools/lint refusing " "engine: only the three places change"
    RUN_SECONDS=900 run "$tree/more/tools/build" --werror
    is "$status" 0 "engine: the tree with a made-up engine is built" || { diag "$out$err" && return; }
    run "$tree/more/tools/lint"
    is "$status" 0 "engine: the lint finds nothing in the tree with a made-up engine" || diag "$out"
    CKPT=$tree/more/build/checkpointer
    run "$CKPT" check
    like "$status $out" $'^1 no +engine: it refuses everything \\(use .*\n[a-z]+ +builtin: kernel: ' \
        "engine: check asks each engine, the default first"
    for command in restore:restore "restore --dry-run:rehearse" inspect:describe; do
        # shellcheck disable=SC2086 # two words
        run "$CKPT" ${command%:*} "$image"
        is "$status$out$err" "1checkpointer: the engine refuses to ${command#*:} '$image'" \
            "engine: ${command%:*} of its image reaches a made-up engine"
    done
    start_jvm refused - -cp "$CP" Endpoint "$TMP"
    wait_line "$log" ready
    run "$CKPT" checkpoint "$pid" "$tree/image"
    is "$status$out$err" "1checkpointer: the engine refuses to freeze JVM $pid into '$tree/image'" \
        "engine: a checkpoint reaches a made-up engine that freezes from outside"
    is "$(grep -x 'before\|after' "$log" | tr '\n' ' ')" "before after " \
        "engine: the hooks are called around a freeze from outside that fails"
    CKPT=$BUILD/checkpointer
    run "$CKPT" checkpoint "$pid" "$tree/image"
    contains "$status$err" "the engine refuses to prepare" "engine: a freeze inside reaches it as well"
    is "$(grep -x 'before\|after' "$log" | tr '\n' ' ')" "before after before after " \
        "engine: the hooks are called around a freeze inside that fails"
    stop "$pid"
}

# ---- the lint

# FILE, a line of it, the line that is put after that one, what the lint says of it, the check's name.
VIOLATIONS=(
    src/hotspot/parked/clock_redirect.c '#include "base/page.h"' 'static void *planted = malloc(1);'
    "'malloc' in a file of the world 'parked'" "malloc in parked code"
    src/image/notes.c '#include "base/raw.h"' 'static int planted = errno;'
    "'errno' in a file of the world 'shared'" "errno in shared code"
    src/engine/parked/park.c '#include "base/raw.h"' '#include "base/../agent/agent.h"'
    'includes "base/../agent/agent.h" of src/agent' "an include that leaves an allowed layer by .."
    src/engine/builtin/parked/pages.c '#include "base/raw.h"' '#include <agent/agent.h>'
    'includes "agent/agent.h" of src/agent' "an include that points up, in angle brackets"
    src/engine/builtin/parked/memory.c '#include "base/raw.h"' '#include "../../../agent/agent.h"'
    'includes "../../../agent/agent.h" of src/agent' "an include that points up by a relative path"
    src/engine/builtin/restorer/restorer.c '#include <sys/uio.h>' '#include <ctype.h>'
    '<ctype.h> may be libc' "a header of libc in the restorer"
    src/engine/builtin/restorer/restorer_plan.h '#include <stdint.h>' '#include "../../../image/format.h"'
    'the restorer includes "../../../image/format.h"' "a header of the image in the restorer"
    src/agent/hints.c '#include "agent/hints.h"' '#include "engine/builtin/freeze/freeze.h"'
    'src/agent includes "engine/builtin/freeze/freeze.h"' "the agent includes a part of an engine"
    src/cli/main.c '#include "cli/cli.h"' '#include "engine/builtin/restore/restore.h"'
    'src/cli includes "engine/builtin/restore/restore.h"' "the command includes a part of an engine"
    src/cli/target.c '#include <unistd.h>' 'static int planted = REG_RIP;'
    "'REG_RIP' is a word of one processor" "a register outside the processor's folder"
    src/cli/terminal.c '#include <stdint.h>' '#include "arch/x86_64/cpu_features.h"'
    'is for the other files of src/arch/x86_64 only' "a processor's header outside its folder"
    src/agent/policy_option.c '#include "agent/policy_option.h"' 'static int planted = CKPT_FD_TCP;'
    'CKPT_FD_TCP of a kind of descriptor' "a kind of descriptor outside its row"
    src/agent/options.c '#include <unistd.h>' 'static int planted = sleep(1);'
    'a sleep, wait on an event' "a sleep"
    src/agent/parked/requester.c '    const char *text = requester' '    free((void *)text);'
    "'free' in a file of the world 'parked'" "free() in a function that a callback of the engine calls"
    src/base/raw.c '#include "base/raw.h"' 'static __thread int planted;'
    "'__thread' in a file of the world 'shared'" "a thread-local variable in shared code"
    src/hotspot/heap.c '#include "hotspot/heap.h"' '#include "agent/options.h"'
    'src/hotspot includes "agent/options.h" of src/agent' "an include that points up"
    src/cli/main.c '#include "cli/cli.h"' 'static int planted = ckpt_error_set(0, 0, "%-5s", "");'
    "'%-5s' is a conversion" "a conversion that our formatter does not know"
    src/java/jdk/crac/impl/Native.java 'import java.util.List;' 'import org.crac.Core;'
    'import of org.crac' "an import of a class that is not the JDK's"
    src/runtime/thread.c '#define STACK_SIZE' "/* See no_$(printf such)_function(). */"
    'names a function' "a comment that names a function that does not exist"
    src/base/scratch.c '#include "base/scratch.h"' "void ckpt_$(printf planted)(void);"
    'nothing in src uses ckpt_planted()' "a function that nothing uses"
    src/cli/environment.c '#include <unistd.h>' "/* Some$(printf body) planted it. */"
    'write: the process that' "a word of the list"
    tools/jdks 'set -euo pipefail' "here=/$(printf work)/tree"
    'is a path of one machine' "a path of one machine"
)

lint_rules() {
    local tree=$TMP/lint-tree at wanted
    copy_tree "$tree"
    run "$tree/tools/lint"
    is "$status" 0 "lint: nothing is found in this tree" || diag "$out"
    for ((at = 0; at < ${#VIOLATIONS[@]}; at += 5)); do
        add_after "$tree/${VIOLATIONS[at]}" "${VIOLATIONS[at + 1]}" "${VIOLATIONS[at + 2]}" || return
    done
    run "$tree/tools/lint"
    is "$status" 1 "lint: a tree with violations fails"
    for ((at = 0; at < ${#VIOLATIONS[@]}; at += 5)); do
        wanted=$(grep -nxF -- "${VIOLATIONS[at + 2]}" "$tree/${VIOLATIONS[at]}")
        wanted=$(grep -F "${VIOLATIONS[at]}:${wanted%%:*}: " <<<"$out") || true # it may be missing
        contains "$wanted" "${VIOLATIONS[at + 3]}" "lint: ${VIOLATIONS[at + 4]} is found"
    done
}

# What only objects show: a parked function that calls an ordinary one.
lint_objects() {
    local tree=$TMP/lint-objects calls=src/agent/parked/host_calls.c jdk
    jdk=$("$TOP/tools/jdks" --at-least 11)
    copy_tree "$tree"
    add_after "$tree/$calls" '#include "agent/parked/host_calls.h"' '#include "runtime/log.h"' || return
    add_after "$tree/$calls" '    bool rests = ' '    ckpt_log("warning", "planted");' || return
    run meson setup "-Djdk=$jdk" "$tree/build" "$tree"
    RUN_SECONDS=900 run ninja -C "$tree/build" src/lib{parked,shared}.a src/arch/libarch.a
    is "$status" 0 "lint: parked code is built separately" || { diag "$out$err" && return; }
    run "$tree/tools/lint" --build "$tree/build"
    is "$(grep "parked code needs" <<<"$out" | sed 's/, only.*//')" \
        "build/src/libparked.a:0: parked code needs 'ckpt_log'" \
        "lint: a parked function that calls an ordinary one is found in the objects"
}

kind
processor
engine
lint_rules
lint_objects
done_testing
