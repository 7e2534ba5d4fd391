#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# An application that was compiled against org.crac and does not contain it runs with the agent, in both
# of its forms: it gets the agent's own org.crac. A class loader that has an org.crac keeps that one.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
. "$TOP/tests/lib/endpoint.sh"
need curl python3
compile DropIn UsesCrac
JAR=$BUILD/checkpointer.jar
SPRING=$TOP/examples/spring-boot/target/spring-boot.jar

# Parts of the application: its classes, a class for other loaders, and org.crac as a jar.
parts() {
    mkdir -p "$TMP/app" "$TMP/uses"
    mv "$CLASSES"/DropIn*.class "$TMP/app"
    mv "$CLASSES/UsesCrac.class" "$TMP/uses"
    python3 - "$SIMPLE" "$TMP/crac.jar" <<'END'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as simple, zipfile.ZipFile(sys.argv[2], "w") as crac:
    for name in simple.namelist():
        if name.startswith("org/crac/"):
            crac.writestr(name, simple.read(name))
END
}

# spring_jar FILE [JAR]: an executable jar with Spring Boot's launcher, the application and that jar.
spring_jar() {
    python3 - "$SPRING" "$TMP/app" "$@" <<'END'
import os, sys, zipfile
spring, app, made = sys.argv[1:4]
with zipfile.ZipFile(spring) as launcher, zipfile.ZipFile(made, "w") as jar:
    main = launcher.read("META-INF/MANIFEST.MF").decode()
    main = next(line for line in main.splitlines() if line.startswith("Main-Class:"))
    jar.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n%s\nStart-Class: DropIn\n"
                 "Spring-Boot-Classes: BOOT-INF/classes/\nSpring-Boot-Lib: BOOT-INF/lib/\n\n" % main)
    for name in launcher.namelist():
        if name.startswith("org/springframework/boot/loader/"):
            jar.writestr(name, launcher.read(name))
    jar.writestr("BOOT-INF/classes/", "")
    jar.writestr("BOOT-INF/lib/", "")
    for name in os.listdir(app):
        jar.write(os.path.join(app, name), "BOOT-INF/classes/" + name)
    for name in sys.argv[4:]:
        jar.write(name, "BOOT-INF/lib/crac.jar")
END
}

agent() { # javaagent|agentpath [OPTIONS]: without an endpoint, unless they contain its address
    local options=${2:-}
    [[ $options == addr=* ]] || options=addr=none${options:+,$options}
    case $1 in
    javaagent) printf '%s\n' "-javaagent:$JAR=$options" ;;
    agentpath) printf '%s\n' "-agentpath:$AGENT=$options" ;;
    esac
}

hooks() { # FORM
    start "hooks-$1-$V" "$JAVA" "$(agent "$1" "image=$DIR/hooks-$1")" -cp "$TMP/app" DropIn hooks
    wait_exit "$pid"
    is "$status" 137 "$V: $1: an application without org.crac is frozen"
    restore "hooks-$1-$V" "$DIR/hooks-$1"
    wait_exit "$pid"
    is "$status/$(<"$log")" "0/restore time -1
before, true
before, true
after
after
refused, not now, nor later
before, true
before, true
after
after
restored, true" "$V: $1: hooks and exceptions of an application without org.crac are org.crac's"
}

# The lines of DropIn's round.
round() {
    local manner
    for manner in "parent first" "child first" "parent before all" "by name" grandchild "no parent" \
        "with a helper"; do
        printf 'without: %s: spare\n' "$manner"
    done
    for manner in "parent first" "child first" "parent before all" "by name" grandchild "no parent" \
        "with a helper"; do
        printf 'with: %s: own\n' "$manner"
    done
    printf "parent has it: child: parent's\n"
}

loaders() { # FORM
    local has
    run "$JAVA" "$(agent "$1")" -Xcheck:jni -cp "$TMP/app" DropIn loaders "$TMP/uses/" "$TMP/crac.jar"
    is "$status/$err/$out" "0//$(round)
application: spare
$(round)" "$V: $1: each class loader keeps the org.crac that it has, and gets one if it has none"
    for has in "$TMP/app:$TMP/crac.jar" "$TMP/crac.jar:$TMP/app"; do
        run "$JAVA" "$(agent "$1")" -cp "$has" DropIn own
        is "$status/$out/$err" "0/own/" "$V: $1: an org.crac on the class path is used (${has##*/})"
    done
}

# answers PATH...: a line for each of these requests, with the hooks that it calls.
answers() {
    local path seen
    for path; do
        seen=$(wc -l <"$log")
        post "/$path"
        printf '%s: %s\n' "$code" "$(tail -n +$((seen + 1)) "$log" | paste -sd , -)"
    done
}

register_more() { # TURN
    printf x >&8
    wait_line "$log" "registered $1"
}

# Resources of several class loaders, notified by halves in turn and out of turn.
several() { # FORM
    rm -f "$TMP/in" && mkfifo "$TMP/in" && exec 8<>"$TMP/in"
    port=$(free_port)
    start "several-$1-$V" bash -c 'exec "${@:2}" <"$1"' - "$TMP/in" "$JAVA" \
        "$(agent "$1" "addr=localhost:$port,compatible=true,shutdown=false,gc=false")" \
        -cp "$TMP/app" DropIn several "$TMP/uses/" "$TMP/crac.jar" 8>&-
    wait_line "$log" ready
    is "$(answers after-restore before-checkpoint)" "204: after spare,after own,after isolated
204: before isolated,before own,before spare" \
        "$V: $1: a second half without the first notifies resources of all class loaders, in order"
    register_more 1
    is "$(answers before-checkpoint)" \
        "204: before own1,before spare1,before isolated,before own,before spare" \
        "$V: $1: a first half that is repeated also notifies what was registered since"
    register_more 2
    is "$(answers after-restore)" \
        "204: after spare,after own,after isolated,after spare1,after own1" \
        "$V: $1: a second half notifies what the first half has notified"
    is "$(answers after-restore)" \
        "204: after spare,after own,after isolated,after spare1,after own1,after spare2,after own2" \
        "$V: $1: a second half that is repeated notifies all resources"
    exec 8>&-
    stop "$pid"
}

# What frameworks do to find out whether there is org.crac.
by_name() {
    local none="java.lang.ClassNotFoundException: org.crac.Core"
    run "$JAVA" "$(agent javaagent)" -cp "$TMP/app" DropIn ask
    is "$out" $'before: spare\nlinked: spare\nafter: spare' \
        "$V: with -javaagent Class.forName() finds org.crac"
    run "$JAVA" "$(agent agentpath)" -cp "$TMP/app" DropIn ask
    is "$out" $'before: '"$none"$'\nlinked: spare\nafter: spare' \
        "$V: with -agentpath Class.forName() finds org.crac once a class was linked to it"
    run "$JAVA" "$(agent agentpath org_crac=found)" -cp "$TMP/app" DropIn ask
    is "$out" $'before: spare\nlinked: spare\nafter: spare' \
        "$V: org_crac=found: Class.forName() finds org.crac"
    run "$JAVA" "$(agent javaagent org_crac=linked)" -cp "$TMP/app" DropIn ask
    is "$out" $'before: '"$none"$'\nlinked: spare\nafter: spare' \
        "$V: org_crac=linked: Class.forName() does not find org.crac before a class was linked to it"
    run "$JAVA" "$(agent javaagent org_crac=none)" -cp "$TMP/app" DropIn ask
    is "$out" "before: $none" "$V: org_crac=none: no application gets an org.crac"
    like "$err" "NoClassDefFoundError: org/crac/Core" \
        "$V: org_crac=none: the application's error is that of a JVM without the agent"
    run "$JAVA" "$(agent javaagent org_crac=maybe)" -cp "$TMP/app" DropIn own
    is "$status/$out/$err" "1//checkpointer: error: agent option 'org_crac=maybe': expected found, \
linked or none" "$V: a wrong value of org_crac ends the start with one line"
}

# An application whose first use of org.crac is after a restore, and one that ran before the agent.
later() {
    start "frozen-$V" "$JAVA" "$(agent javaagent "image=$DIR/frozen")" -cp "$TMP/app" DropIn frozen
    wait_exit "$pid"
    restore "frozen-$V" "$DIR/frozen"
    wait_exit "$pid"
    is "$status/$(<"$log")" 0/spare "$V: a restored JVM gives org.crac to an application without it"
    rm -f "$TMP/in" && mkfifo "$TMP/in" && exec 8<>"$TMP/in"
    "$JAVA" -cp "$TMP/app" DropIn late <"$TMP/in" >"$TMP/late-$V" 2>&1 8>&- &
    pid=$!
    tap_started+=("$pid")
    wait_line "$TMP/late-$V" ready
    run "$JAVA_HOME/bin/jcmd" "$pid" JVMTI.agent_load "\"$AGENT\"" "\"addr=none\""
    printf '\n' >&8
    exec 8>&-
    wait_exit "$pid"
    is "$status/$(tail -n 1 "$TMP/late-$V")" 0/spare \
        "$V: an agent loaded into a running JVM gives org.crac to its application"
}

spring() { # FORM
    run "$JAVA" "$(agent "$1")" -jar "$DIR/without.jar" own
    is "$status/$out/$err" "0/spare/" "$V: $1: a Spring Boot jar without org.crac gets one"
    run "$JAVA" "$(agent "$1")" -jar "$DIR/with.jar" own
    is "$status/$out/$err" "0/own/" "$V: $1: a Spring Boot jar keeps the org.crac nested in it"
}

body() {
    local form
    spring_jar "$DIR/without.jar"
    spring_jar "$DIR/with.jar" "$TMP/crac.jar"
    for form in javaagent agentpath; do
        hooks "$form"
        loaders "$form"
        spring "$form"
        several "$form"
    done
    by_name
    later
}
parts
each_jdk body
done_testing
