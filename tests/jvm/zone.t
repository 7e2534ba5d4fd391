#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# The default time zone of a restored process: -Duser.timezone and TZ have the same effect as at a plain
# start. A zone that the application or the first command line chose takes precedence over TZ.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
compile Zone
[ -e /usr/share/zoneinfo/Asia/Tokyo ] || LIBC_KNOWS=no

# zone WHAT EXPECTED: of the JVM in $log, after the restore: "ID HOUR PROPERTY".
zone() {
    local seen
    seen=$(count_lines "$log" "zone ")
    wait_line "$log" "zone " --count $((seen + 2))
    is "$(grep '^zone ' "$log" | tail -n 1 | cut -d' ' -f3-)" "$2" "$1"
    stop "$pid"
}

# frozen NAME [TZ=...] -- JAVA-ARGUMENT...: a JVM in that zone, frozen into $DIR/NAME.
frozen() {
    local name=$1 zone=()
    shift
    while [ "$1" != -- ]; do zone+=("$1") && shift; done
    CONFINE=(env -u TZ "${zone[@]}")
    start_jvm "$name-$V" - "-Xlog:gc:file=$DIR/$name.gc:time" -cp "$CP" "${@:2}"
    wait_line "$log" "ready"
    [ "${!#}" = "$DIR/asked" ] || wait_line "$log" "zone 2 "
    freeze "$pid" "$DIR/$name" "JDK $V, $name"
}

# restored NAME [TZ=...] -- OPTION...
restored() {
    local name=$1 zone=()
    shift
    while [ "$1" != -- ]; do zone+=("$1") && shift; done
    CONFINE=(env -u TZ "${zone[@]}")
    restore "$name-$V" "${@:2}" "$DIR/$name"
}

body() {
    local what="JDK $V"
    frozen system TZ=Europe/Berlin -- Zone || return
    is "$(grep '^zone ' "$log" | tail -n 1 | cut -d' ' -f3-)" "Europe/Berlin 1 Europe/Berlin" \
        "$what: TZ at the start sets the zone"
    restored system TZ=Asia/Tokyo --
    zone "$what: TZ at the restore sets the zone" "Asia/Tokyo 9 Asia/Tokyo"
    if [ "${LIBC_KNOWS:-}" = no ]; then
        skip "$what: TZ at the restore sets the zone of the C library" "there is no /usr/share/zoneinfo"
    else
        like "$(tail -n 1 "$DIR/system.gc")" '^\[[^]]*\+0900\]' \
            "$what: TZ at the restore sets the zone of the C library"
    fi
    restored system TZ=Asia/Tokyo -- -Duser.timezone=America/Lima
    zone "$what: -Duser.timezone at the restore takes precedence over TZ" "America/Lima 19 America/Lima"
    restored system -- --env TZ=Asia/Kolkata
    zone "$what: --env TZ at the restore sets the zone" "Asia/Kolkata 5 Asia/Kolkata"
    restored system TZ=Europe/Berlin --
    zone "$what: the old TZ at the restore keeps the zone" "Europe/Berlin 1 Europe/Berlin"

    frozen chosen TZ=Europe/Berlin -- Zone set UTC || return
    restored chosen TZ=Asia/Tokyo --
    zone "$what: a zone that the application chose takes precedence over TZ" "UTC 0 null"
    restored chosen -- -Duser.timezone=America/Lima
    zone "$what: -Duser.timezone at the restore replaces the application's choice" \
        "America/Lima 19 America/Lima"

    frozen option TZ=Europe/Berlin -- -Duser.timezone=Asia/Tokyo Zone || return
    restored option TZ=America/Lima --
    zone "$what: -Duser.timezone at the start takes precedence over TZ at the restore" \
        "Asia/Tokyo 9 Asia/Tokyo"

    frozen lazy TZ=Europe/Berlin -- Zone lazy "$DIR/asked" || return
    touch "$DIR/asked"
    restored lazy TZ=Asia/Tokyo --
    zone "$what: TZ at the restore sets a zone that was not used before" "Asia/Tokyo 9 Asia/Tokyo"
    CONFINE=()
}

each_jdk body
done_testing
