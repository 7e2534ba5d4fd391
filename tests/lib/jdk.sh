# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# What the shell tests know about JDKs; tap.sh reads it. JDKS is an array of the JDKs' homes, JAVAC
# a compiler for JDK 8 and later. A test that needs something of a JDK asks for it by its name in the
# table below, and not for a version. The functions are about the JDK in JAVA_HOME (each_jdk sets it).

mapfile -t JDKS < <("$TOP/tools/jdks" 2>/dev/null)
JAVAC=$("$TOP/tools/jdks" --at-least 11 2>/dev/null)/bin/javac # JDK 8's cannot compile for others

declare -A jdk_proof=() jdk_origin=() jdk_since=() jdk_known=()

fact() { # NAME RELEASE ORIGIN PROOF...
    jdk_since[$1]=$2
    jdk_origin[$1]=$3
    jdk_proof[$1]=${*:4}
}
#    name               from  origin           how it is found in the JDK
fact agent_load         9     JDK-8147388      jdk_library JVMTI.agent_load # a command of jcmd
fact cleaners           9     JDK-8138696      jdk_class java.lang.ref.Cleaner
fact foreign_functions  22    "JEP 454"        jdk_member java.lang.foreign.SegmentAllocator allocateFrom
fact java_17            17    "class files 61" jdk_release 17
fact java_21            21    "class files 65" jdk_release 21
fact modules            9     "JEP 261"        jdk_class java.lang.Module
fact process_handles    9     "JEP 102"        jdk_class java.lang.ProcessHandle
fact shared_ports       9     JDK-6432031      jdk_member java.net.StandardSocketOptions SO_REUSEPORT
fact tls_tickets        13    JDK-8211018      jdk_class sun.security.ssl.SessionTicketExtension
fact unified_logging    9     "JEP 158"        jdk_takes -Xlog:class+init
fact unix_sockets       16    "JEP 380"        jdk_class java.net.UnixDomainSocketAddress
fact virtual_threads    21    "JEP 444"        jdk_release 21 # 19 and 20 have the same, as a preview

# jdk_has NAME: whether this JDK has what the table calls so.
jdk_has() {
    local key="$JAVA_HOME $1"
    [ -n "${jdk_proof[$1]:-}" ] || bail_out "tests/lib/jdk.sh has no fact '$1'"
    if [ -z "${jdk_known[$key]:-}" ]; then
        jdk_known[$key]=no
        # shellcheck disable=SC2086
        if ${jdk_proof[$1]}; then jdk_known[$key]=yes; fi
    fi
    [ "${jdk_known[$key]}" = yes ]
}

# needs_jdk NAME CHECK: as jdk_has; if not, the check with that description is skipped.
needs_jdk() {
    jdk_has "$1" && return
    cannot "$2" "no ${1//_/ } before JDK ${jdk_since[$1]} (${jdk_origin[$1]})"
    return 1
}

# jdk_takes OPTION...: whether this JVM starts with the options (some JVMs lack a collector).
jdk_takes() {
    "$JAVA_HOME/bin/java" "$@" -version >/dev/null 2>&1
}

jdk_release() { # N: the JDK is of this release or a later one
    [ "$(jdk_version)" -ge "$1" ]
}

jdk_class() { # NAME
    "$JAVA_HOME/bin/javap" "$1" >/dev/null 2>&1
}

jdk_member() { # CLASS NAME
    "$JAVA_HOME/bin/javap" -public "$1" 2>/dev/null | grep -w -- "$2" >/dev/null
}

jdk_library() { # TEXT: the JVM's library has it
    grep -qsa -F -- "$1" "$JAVA_HOME/lib/server/libjvm.so" "$JAVA_HOME/jre/lib/amd64/server/libjvm.so"
}

# jdk_version: its release, such as 8, 17 or 25.
jdk_version() {
    "$TOP/tools/jdks" --release "$JAVA_HOME"
}
