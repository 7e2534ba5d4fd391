/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A kind of descriptor: its row, with every fact about the kind and with the functions that freeze
 * and thaw it.  All other code asks the row (kinds.h) and names no kind.
 *
 * Freezing runs in the JVM under the rules for parked processes; thawing runs in the command that
 * restores, before it gives up its own memory.  Both halves are in one file, which is linked into
 * both and keeps to the stricter rules.
 *
 * To add a kind:
 *
 * 1. kind_NAME.c in this folder, with the row `ckpt_kind_NAME` at its end;
 * 2. NAME in the list of this folder's meson.build, at the place where it is to be asked;
 * 3. its number in `enum ckpt_fd_kind` of image/format.h;
 * 4. a case in tests/jvm/java/Descriptors.java, or a test of its own if Java cannot make one;
 * 5. a line in the table of docs/descriptors.md, with what it refuses.
 */
#ifndef CKPT_ENGINE_BUILTIN_FD_KIND_H
#define CKPT_ENGINE_BUILTIN_FD_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/builtin/fd/live_fd.h"
#include "engine/builtin/parked/gather.h"
#include "engine/policy_rules.h"
#include "image/view.h"

struct ckpt_fd_addresses;
struct ckpt_park;

/** What thawing works with. */
struct ckpt_fd_thaw {
    const struct ckpt_image_view *image;
    int first_own_fd; /**< the image's descriptors are below; from here on: the command's own */
    int *waiting;     /**< for each descriptor of the image: open already, at that number; or -1 */
    const int *shared_fds; /**< for each shared object, a descriptor of it */
    const int *copy_fds;   /**< for each file, a descriptor of its old content; -1: it is opened */
    const int *streams;    /**< copies of the command's standard streams; or -1 */
    /**
     * A rehearsal: nothing that others can see.  Files are opened, since that alone tells whether
     * they can be, but no device and no named pipe; addresses are bound, without listen(); locks
     * are only asked for.
     */
    bool rehearsal;
    bool original_runs; /**< a rehearsal: the image's JVM still has its addresses and locks */
};

/** What the number `object` of an image's descriptor counts. */
enum ckpt_fd_object {
    CKPT_FD_OBJECT_NONE,
    CKPT_FD_OBJECT_FILE,   /**< files of the image: it is opened by the path of that one */
    CKPT_FD_OBJECT_SHARED, /**< shared objects of the image */
};

struct ckpt_fd_kind_row {
    /* ---- facts ---- */

    uint32_t number; /**< in images; 0: in none, since it is refused or becomes another kind */
    /**
     * Of what the entries of this kind mean, and their bytes in the pool; the first is 0.  valid()
     * and thaw() take all up to this one; freeze() gives the lowest that says it all.
     */
    uint32_t version;
    const char *name; /**< for people */
    enum ckpt_fd_object object;
    /** The type of the rules for it; 0: no rule is for it, since the JVM has it for itself. */
    enum ckpt_policy_type policy;
    /** Refused unless a rule reopens it. */
    bool needs_policy;
    /** The command that restores provides it: those at 0 to 2 are no copies of each other. */
    bool given;
    /** Each is opened separately, even if several are one open file. */
    bool single;
    /** Its position is one in a file, which `inspect` shows. */
    bool has_position;
    /** Its bytes are the locks on it (file_locks.h). */
    bool has_locks;
    /** An end of an object whose other end is in the process; each end is one open file. */
    bool is_end;
    /** It may have an address: a rehearsal binds another socket in its place (rehearsal.h). */
    bool is_bound;

    /* ---- in the JVM ---- */

    /** When the agent is loaded: note what cannot be told later. NULL: nothing. */
    void (*note)(void);
    /** Before a walk: forget what an earlier one has found. NULL: nothing. */
    void (*begin)(void);
    /** Whether @live is of this kind; the first row that says so has it. */
    bool (*matches)(const struct ckpt_gather *gather, const struct ckpt_live_fd *live);
    /** Of one that needs a policy, for the refusal: "a UDP socket at 127.0.0.1:53". */
    void (*name_live)(const struct ckpt_live_fd *live, char *text, size_t size);
    /** Describe it in @entry, or refuse it in the report. -1 only if the walk cannot continue. */
    int (*freeze)(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error);
    /** When the runs of memory are known: add those that such descriptors need. NULL: none. */
    int (*gather_content)(struct ckpt_gather *gather, struct ckpt_error *error);
    /** In the restored process, before any thread is released. NULL: nothing. */
    void (*restored)(const struct ckpt_park *park);

    /* ---- in an image, which may be anyone's ---- */

    /** Whether the entry makes sense, besides its object. NULL: it always does. */
    bool (*valid)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /** For people: what it is. NULL: the name of the kind says it all. */
    void (*describe)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size);
    /** The path of one that is no file of the image. NULL: it has none. */
    const char *(*path)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /** Of a socket, for the rules (policy_match.h). NULL: none. */
    void (*addresses)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses);

    /* ---- in the command ---- */

    /** Open it, at any number: the caller moves it. -1 with @error. */
    int (*thaw)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error);
    /** When all descriptors are at their numbers. NULL: nothing. */
    int (*finish)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error);
};

#endif
