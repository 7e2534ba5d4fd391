#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# A restore takes no rights from an ordinary user's application: it stays in its user namespace, may
# give files to its groups, sees the owners of others' files, and root may attach to it. Only
# --time=namespace puts it into another user namespace.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Rights Dropped
GROUP=12346

# ask WHAT OWNER RESULT: the application sees that owner of root's file, and chgrp has that result.
ask() {
    local before
    before=$(count_lines "$log" "owner ")
    touch "$DIR/mine.ask"
    ok "$1: the application answers" wait_line "$log" "owner " --count $((before + 1))
    is "$(grep '^owner ' "$log" | tail -n 1)" "owner $2 chgrp $3" "$1: the application keeps its rights"
}

# The control socket of a JVM that has changed its user is root's, and has root's number in its name.
dropped() {
    local what="JDK $V: a JVM that root has started and that changed its user"
    gcc -shared -fPIC -I"$JAVA_HOME/include" -I"$JAVA_HOME/include/linux" -x c -o "$DIR/dropped.so" - \
        2>"$TMP/gcc.err" <<'C' || { skip "$what is frozen by root" "$(head -n 1 "$TMP/gcc.err")" && return; }
#define _GNU_SOURCE
#include <grp.h>
#include <jni.h>
#include <unistd.h>
JNIEXPORT jint JNICALL Java_Dropped_become(JNIEnv *env, jclass owner, jint user)
{
    return setgroups(0, NULL) + setresgid(user, user, user) + setresuid(user, user, user);
}
C
    chmod 755 "$DIR"
    mkdir "$DIR/dropped"
    chown 12345:12345 "$DIR/dropped"
    start_jvm "dropped-$V" - -cp "$CP" Dropped "$DIR/dropped.so" 12345
    wait_line "$log" "failed: 0"
    wait_line "$log" 3
    freeze "$pid" "$DIR/dropped/image" "$what" && pass "$what is frozen by root"
    rm -f "$(control_socket "$pid" 0)" # the JVM itself may no longer remove it
    restore "dropped-$V" as_user "$DIR/dropped/image"
    ok "$what is restored by that user" wait_more "$log" 3
    stop "$pid"
}

rights() {
    local what="JDK $V"
    touch "$DIR/mine"
    chown -R 12345:12345 "$DIR"
    CONFINE=(setpriv --reuid 12345 --regid 12345 "--groups=$GROUP" --inh-caps=-all)
    start_jvm "rights-$V" - -cp "$CP" Rights "$DIR/mine" "$GROUP"
    wait_line "$log" ready
    freeze "$pid" "$DIR/image" "$what" || return
    restore "rights-$V" "$DIR/image"
    ask "$what, restored" 0 done
    is "$(readlink "/proc/$pid/ns/user")" "$(readlink /proc/self/ns/user)" \
        "$what: a restored JVM is in no other user namespace"
    run "$JAVA_HOME/bin/jcmd" "$pid" VM.version
    is "$status" 0 "$what: root attaches to a restored JVM" || diag "$out$err"
    freeze "$pid" "$DIR/image" "$what, second generation" || return

    "${CONFINE[@]}" unshare --user --time true 2>/dev/null ||
        { cannot "$what: --time=namespace puts the JVM into a user namespace" \
            "no user namespace can be made here" && return; }
    restore "rights-$V" --time=namespace "$DIR/image"
    touch "$DIR/mine.ask"
    ok "$what, --time=namespace: the application answers" \
        wait_line "$log" "owner 65534 chgrp "
    isnt "$(readlink "/proc/$pid/ns/user")" "$(readlink /proc/self/ns/user)" \
        "$what: --time=namespace puts the JVM into a user namespace"
    stop "$pid"
}

body() {
    CONFINE=()
    dropped
    rights
}

if [ "$(id -u)" -ne 0 ]; then
    cannot "a restored JVM keeps its rights" "only root can act as a user with several groups"
else
    chmod 711 "$TMP"
    user_ready
    each_jdk body
fi
done_testing
