#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# checkpointer inspect: what it shows of a real image (the HTTP example, frozen) to people and to
# programs, that it trusts no image, and that a damaged image is refused in one line. One JVM, frozen
# once.
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
. "$TOP/tests/lib/jvm.sh"
need python3
HTTP=$TOP/examples/http/target/http.jar
[ -f "$HTTP" ] || bail_out "examples/http is not built, run tools/build --examples"
JAVA=${JDKS[0]}/bin/java
IMAGE=$TMP/image

# key EXPRESSION: of the JSON document d
key() {
    python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' \
        "$TMP/json" "$1"
}

# refused NAME PATTERN DIR [OPTION]: one line, status 1, nothing on stdout
refused() {
    run "$CKPT" inspect "${@:4}" "$3"
    if [ "$status" = 1 ] && [ -z "$out" ] && [ "$(wc -l <<<"$err")" = 1 ] && [[ $err =~ $2 ]]; then
        pass "$1"
    else
        fail "$1" "status $status, out '${out:0:200}', err '$err'"
    fi
}

start_jvm http "$IMAGE" -cp "$HTTP" -Dtext='a b' example.Http --port 0
wait_line "$log" listening || bail_out "the example does not start"
port=$(port_of "$log" "listening on port")
jvm=$pid
freeze "$jvm" "$IMAGE" "the HTTP example"
[ -f "$IMAGE/image" ] || bail_out "there is no image to inspect"

# --- for people
run "$CKPT" inspect "$IMAGE"
is "$status$err" 0 "inspect: ends with 0 and an empty stderr"
like "$out" "^$IMAGE: image [0-9a-f]{32}, format [0-9]+" "inspect: the image's id and format come first"
like "$out" $'\n  JVM        [^\n]*VM ' "inspect: the JVM is named"
contains "$out" "'-Dtext=a b' example.Http --port 0" "inspect: the command line is quoted"
like "$out" $'\n  created    20[0-9-]+T[0-9:]+Z by checkpointer ' \
    "inspect: the time of the checkpoint is shown"
contains "$out" "PID $jvm, user $(id -u), group $(id -g), generation 0" \
    "inspect: PID, user, group and generation are shown"
like "$out" $'\n  size       [0-9.]+ MiB: [0-9.]+ MiB pages in [0-9]+ runs, [0-9.]+ KiB metadata' \
    "inspect: the sizes are shown"
like "$out" $'\n  processor  '"$(uname -m)"' with ([A-Z0-9.-]+ )+.*, pages of '"$(getconf PAGESIZE) bytes" \
    "inspect: what the image needs of a processor is shown"
contains "$out" "manifest   belongs to this image" "inspect: the manifest belongs to the image"
contains "$out" "restore    possible here: owner, processor, kernel and files are as required" \
    "inspect: a restore on this machine is possible"
contains "$out" "pages      not read (use --verify)" \
    "inspect: without --verify the pages are reported as not read"
like "$out" $'\n +[0-9]+  HTTP-Dispatcher  libc.so.6\+0x[0-9a-f]+' \
    "inspect: a thread is listed with its place in the code"
like "$out" $'\n +[0-9]+  TCP socket +listens at 127.0.0.1:'"$port, backlog [0-9]+" \
    "inspect: a listening socket is listed"
like "$out" $'\n +[0-9]+  epoll +watches [0-9]+' "inspect: an epoll descriptor is listed"
like "$out" $'\n +0  standard stream +input' "inspect: standard input is listed"
like "$out" "= +[0-9.]+ KiB  20[0-9-]+T[0-9:]+Z  $HTTP" "inspect: a file that must be unchanged is listed"
like "$out" '[0-9a-f]+-[0-9a-f]+ r-xp +[0-9.]+ MiB [^'$'\n'']*/libjvm.so' "inspect: a mapping is listed"
contains "$out" "[vdso]" "inspect: the vDSO is listed"
run "$CKPT" inspect --verify "$IMAGE"
contains "$status$err$out" "pages      all undamaged" "inspect --verify: the pages are read"
run "$CKPT" inspect --json --verify "$IMAGE"
ok "inspect --json --verify: the output is JSON" python3 -m json.tool <<<"$out"

# --- for programs
run "$CKPT" inspect --json "$IMAGE"
is "$status$err" 0 "inspect --json: ends with 0 and an empty stderr"
printf '%s' "$out" >"$TMP/json"
ok "inspect --json: the output is JSON" python3 -m json.tool "$TMP/json"
is "$(key 'd["id"]')" "$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["id"])' \
    "$IMAGE/manifest.json")" "inspect --json: the id is the manifest's"
is "$(key 'd["command"][-4:]')" "['-Dtext=a b', 'example.Http', '--port', '0']" \
    "inspect --json: the command line is a list"
is "$(key 'd["pid"], d["uid"], d["gid"], d["generation"]')" "($jvm, $(id -u), $(id -g), 0)" \
    "inspect --json: PID, user, group and generation are numbers"
is "$(key 'd["architecture"], d["page_size"], len(d["processor_features"].split()) > 3')" \
    "('$(uname -m)', $(getconf PAGESIZE), True)" "inspect --json: what the image needs of a machine is there"
is "$(key 'd["sizes"]["image"]')" "$(stat -c %s "$IMAGE/image")" \
    "inspect --json: the size of the image is the file's"
is "$(key 'd["manifest"], d["restorable"], d["obstacle"], d["verified"]')" \
    "('belongs', True, None, False)" \
    "inspect --json: the manifest belongs, a restore is possible, nothing is verified"
is "$(key 'sum(t["leader"] for t in d["threads"])')" 1 "inspect --json: exactly one thread is the leader"
is "$(key 'len(set(t["tid"] for t in d["threads"])) == len(d["threads"]) > 5')" True \
    "inspect --json: each thread has its own TID"
is "$(key '[f["number"] for f in d["descriptors"]][:3]')" "[0, 1, 2]" \
    "inspect --json: descriptors are in ascending order"
is "$(key '[f["position"] >= 0 for f in d["descriptors"] if f["path"] == "'"$HTTP"'"]')" "[True]" \
    "inspect --json: an open file has its path and position"
is "$(key '[f["at_restore"] for f in d["files"] if f["path"] == "'"$HTTP"'"]')" "['same']" \
    "inspect --json: a jar must be unchanged at a restore"
is "$(key 'len([f for f in d["files"] if f["path"].endswith("/libjvm.so") and f["build_id"]])')" 1 \
    "inspect --json: libjvm.so has its build-id"
parts='d["mappings"] + d["memory_files"] + d["files"]'
is "$(key 'sum(m["image_bytes"] for m in '"$parts"') == d["sizes"]["pages"]')" True \
    "inspect --json: the bytes of mappings and files add up to the pages"
is "$(key 'all(int(m["start"], 16) < int(m["end"], 16) for m in d["mappings"])')" True \
    "inspect --json: addresses are hexadecimal text"

# --- another user's image
if [ "$(id -u)" -eq 0 ]; then
    user_ready
    cp -r "$IMAGE" "$USER_DIR/image"
    chmod -R a+rX "$USER_DIR"
    chown -R 12346 "$USER_DIR/image"
    run as_user "$CKPT" inspect "$USER_DIR/image"
    contains "$status$err$out" "belongs to user 12346" \
        "inspect: another user's image is shown as not restorable"
    is "$status" 0 "inspect: another user's image is no error"
else
    cannot "inspect: another user's image is shown as not restorable" "only root gives files away"
fi

# --- the manifest
cp -r "$IMAGE" "$TMP/other"
rm "$TMP/other/manifest.json"
run "$CKPT" inspect "$TMP/other"
contains "$status$err$out" "manifest   missing" "inspect: a missing manifest is reported"
echo '{"id": "00"}' >"$TMP/other/manifest.json"
run "$CKPT" inspect "$TMP/other"
contains "$status$err$out" "manifest   belongs to another image" \
    "inspect: the manifest of another image is reported"
for text in '' 'no JSON' '[]' '{}' '{"id": 7}'; do
    echo "$text" >"$TMP/other/manifest.json"
    run "$CKPT" inspect "$TMP/other"
    contains "$status$err$out" "manifest   cannot be read" \
        "inspect: the manifest '$text' is reported as unreadable"
done
rm "$TMP/other/manifest.json"
mkfifo "$TMP/other/manifest.json"
RUN_SECONDS=20 run "$CKPT" inspect "$TMP/other"
contains "$status$err$out" "manifest   cannot be read" \
    "inspect: a named pipe in place of the manifest does not block"

# --- damage
run "$CKPT" inspect "$IMAGE" --json
meta=$(key 'd["sizes"]["metadata"]')
size=$(key 'd["sizes"]["image"]')
damage() { # NAME PYTHON: changes b, the image's bytes
    cp "$IMAGE/image" "$TMP/other/image"
    python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read())
exec(sys.argv[2])
open(sys.argv[1], "wb").write(b)' "$TMP/other/image" "$2"
    refused "inspect: $1 is refused" "^checkpointer: '$TMP/other/image': " "$TMP/other"
}
damage "a flipped bit in the first byte" 'b[0] ^= 1'
damage "a flipped bit in the middle of the metadata" "b[$meta // 2] ^= 16"
damage "a flipped bit at the end of the metadata" "b[$meta - 1] ^= 128"
damage "an image without its last byte" "del b[$size - 1:]"
damage "an image cut inside its metadata" "del b[$meta // 2:]"
damage "an image cut after its metadata" "del b[$meta:]"
damage "an image with a byte too many" 'b += b"x"'
cp "$IMAGE/image" "$TMP/other/image"
python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(-4096, 2)
    old = f.read(1)
    f.seek(-4096, 2)
    f.write(bytes([old[0] ^ 1]))' "$TMP/other/image"
run "$CKPT" inspect "$TMP/other"
is "$status" 0 "inspect: without --verify a damaged page is not noticed"
refused "inspect --verify: a damaged page is refused" "checksum of pages" "$TMP/other" --verify
refused "inspect --verify --json: a damaged page is refused" "checksum of pages" "$TMP/other" --verify --json
run sh -c '"$1" inspect "$2" >/dev/full' sh "$CKPT" "$IMAGE"
is "$status" 1 "inspect: a full disk at standard output ends with 1"
like "$err" '^checkpointer: cannot write to standard output: no space left on device$' \
    "inspect: a full disk at standard output is reported"

done_testing
