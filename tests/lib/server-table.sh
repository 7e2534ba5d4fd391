# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# The table of tests/servers: one line for each server that passed, and docs/servers.md made of them.

median() { # NUMBER...
    printf '%s\n' "$@" | sort -n | sed -n "$(((${#@} + 1) / 2))p"
}

# table_row TITLE VERSION JDK START-MS RESTORE-MS IMAGE-KIB
table_row() {
    awk -v start="$4" -v restore="$5" -v size="$6" -v names="| $1 | $2 | $3 |" 'BEGIN {
        printf "%s %.1f s | %.2f s | %.0f | %.0f MiB |\n", names, start / 1000, restore / 1000,
            start / (restore ? restore : 1), size / 1024 }' | tee -a "$TMP/rows" | sed 's/^/# /'
}

# write_table FILE: the lines of this run in the place of those that FILE has for the same servers.
write_table() {
    local old=$TMP/old-rows load
    load=$(cut -d ' ' -f 1 /proc/loadavg)
    touch "$TMP/rows"
    { grep '^| .* MiB |$' "$1" 2>/dev/null || true; } >"$old"
    cat >"$1" <<PAGE
# Servers

Each of these servers was started as its project documents, by its own script, by \`java -jar\` or by its main
class, without the agent and without any option of checkpointer. It was frozen by a bare
\`checkpointer checkpoint PID DIR\`, and restored: three times from one image, with its data folder put back
before each, and over a chain of three generations. After each restore it did new work, had the results of
all earlier work, and reported no new error in its log. Spark and Flink run in small programs of ours, and a
program of the same parts stands for Petclinic.
\`tests/servers --write docs/servers.md\` makes this page, and \`tests/stock\` shows what the work is.

Both times end with the first answer of the server. The ratio is plain start / restore: how many times
faster the restore was. All rows are of one machine with $(nproc) processors, on which other programs ran at
the same time (load average $load after the last server), so compare ratios rather than times; a plain
start, which needs more of the processor, suffers more from that.

| server | version | JDK | plain start | restore | ratio | image |
|---|---|---|---|---|---|---|
PAGE
    awk -F ' *[|] *' 'NR == FNR { row[$2] = $0; next } !($2 in row) { row[$2] = $0 }
        END { for (title in row) print row[title] }' "$TMP/rows" "$old" | sort -f >>"$1"
}
