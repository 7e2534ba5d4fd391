# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# For tests of the times of a JVM, after tap.sh and jvm.sh: those that the program Times reports.

need curl
compile Times

# times: sets a variable t_NAME for each time that the program Times, at $port, reports.
times() {
    local word
    for word in $(curl -sS --max-time 20 "http://127.0.0.1:$port/times" 2>&1); do
        case $word in
            *=*) printf -v "t_${word%%=*}" %s "${word#*=}" ;;
        esac
    done
}

# between NUMBER LOW HIGH NAME: the number is one of these, or between them.
between() {
    ok "$4" test "$1" -ge "$2" -a "$1" -le "$3"
}
