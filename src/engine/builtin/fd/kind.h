/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * A kind of descriptor: its row has every fact about the kind, and the functions that freeze and
 * thaw it.  All other code uses the row (kinds.h) and does not depend on particular kinds.
 *
 * Freezing runs in the JVM under the rules for parked code; thawing runs in the command, before its
 * memory is cleared.  Both halves are in one file, which is linked into the agent and the command
 * and follows the stricter rules.
 *
 * To add a kind:
 *
 * 1. kind_NAME.c in this folder, with the row `ckpt_kind_NAME` at its end, whose .support says what
 *    is kept and refused;
 * 2. NAME in the list of this folder's meson.build, before all kinds that match less specifically;
 * 3. its number in `enum ckpt_fd_kind` of image/format.h;
 * 4. a case in tests/jvm/java/Descriptors.java, or a test of its own if Java cannot make one.
 *
 * Then tools/support writes docs/support.md.
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
#include "engine/support.h"
#include "image/view.h"

struct ckpt_fd_addresses;
struct ckpt_park;

/** The state of thawing. */
struct ckpt_fd_thaw {
    const struct ckpt_image_view *image;
    int first_own_fd; /**< descriptors of the image are below, those of the command from here on */
    int *aside;       /**< for each of the image's: where ckpt_fd_keep_aside() put it, or -1 */
    const int *shared_fds; /**< for each shared object, a descriptor of it */
    const int *copy_fds;   /**< for each file, a descriptor of its old content; -1: none, open it */
    int64_t elapsed_ns;    /**< time since the freeze that counts as passed */
    const int *streams;    /**< duplicates of the command's standard streams; -1: it lacks one */
    /**
     * A rehearsal has no effect that others can see.  Files are opened, because only that shows
     * whether they can be, except for devices and named pipes; addresses are bound, without
     * listen(); locks are only tested.
     */
    bool rehearsal;
    bool original_runs; /**< a rehearsal, and the image's JVM still has its addresses and locks */
};

/** The table of the image in which `object` of a descriptor is an index. */
enum ckpt_fd_object {
    CKPT_FD_OBJECT_NONE,
    CKPT_FD_OBJECT_FILE,   /**< the table of files: the descriptor is opened by that file's path */
    CKPT_FD_OBJECT_SHARED, /**< the table of shared objects */
};

struct ckpt_fd_kind_row {
    /* ---- facts ---- */

    uint32_t number; /**< in images; 0: in none: refused, or saved as another kind */
    /**
     * The version of the entries of this kind and their bytes in the pool; the first is 0.  valid()
     * and thaw() accept all versions up to this one; freeze() writes the lowest that is sufficient.
     */
    uint32_t version;
    const char *name; /**< for people */
    struct ckpt_support support;
    enum ckpt_fd_object object;
    /**
     * The type of policy rules for this kind; 0: no rule applies, because the JVM itself uses such
     * descriptors.
     */
    enum ckpt_policy_type policy;
    /**
     * Threads that wait for such a descriptor would fail or sleep without end if it were closed, so
     * no rule may do that.
     */
    bool must_stay_open;
    /**
     * At a restore the command provides the descriptor. Descriptors 0 to 2 are separate, even if
     * they are one open file.
     */
    bool from_command;
    /** Each descriptor is opened separately, even if several are one open file. */
    bool always_separate;
    /** With --missing=exception, one that cannot be opened again is replaced by a dead one. */
    bool may_be_missing;
    /** The descriptor has a position in a file, which `inspect` shows. */
    bool has_position;
    /** The bytes of an entry are the descriptor's locks (file_locks.h). */
    bool has_locks;
    /**
     * The descriptor is one end of an object whose other end is in the process too; each end is an
     * open file.
     */
    bool is_end;
    /**
     * The descriptor can be bound to an address; then a rehearsal may bind a second socket
     * (rehearsal.h).
     */
    bool may_be_bound;

    /* ---- in the JVM ---- */

    /**
     * Called when the agent is loaded, to record facts that cannot be found out later. NULL:
     * nothing.
     */
    void (*on_load)(void);
    /** Called before a walk, to discard the state of an earlier one. NULL: nothing. */
    void (*begin)(void);
    /**
     * Whether a descriptor that freeze() has refused is a connection to another process, which
     * --connections=close closes. NULL: none is.
     */
    bool (*is_connection)(struct ckpt_gather *gather, const struct ckpt_live_fd *live);
    /** Whether @live is of this kind; the first row that returns true is used. */
    bool (*matches)(const struct ckpt_gather *gather, const struct ckpt_live_fd *live);
    /**
     * Save the descriptor in @entry, or refuse it in the report. -1 only if the walk cannot
     * continue.
     */
    int (*freeze)(struct ckpt_gather *gather, const struct ckpt_live_fd *live,
                  struct ckpt_image_fd *entry, struct ckpt_error *error);
    /**
     * Called when the runs of memory are known, to add runs for descriptors of this kind. NULL:
     * they need none.
     */
    int (*gather_content)(struct ckpt_gather *gather, struct ckpt_error *error);
    /** Called for each entry of the image when the process is about to end. NULL: nothing. */
    void (*ending)(const struct ckpt_image_fd *entry);
    /** Called in the restored process before any thread is released. NULL: nothing. */
    void (*restored)(const struct ckpt_park *park);

    /* ---- in an image, which cannot be trusted ---- */

    /**
     * Whether the entry is valid. The caller has already checked its object. NULL: each entry is
     * valid.
     */
    bool (*valid)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /**
     * Whether both ends of the entry's object may be kept aside (thaw_steps.h); the caller counts
     * this for one of them. NULL: one at most is.
     */
    bool (*both_aside)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /** Describe the entry for people. NULL: the name of the kind is sufficient. */
    void (*describe)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                     char *text, size_t size);
    /** The descriptor's path, if that is not in the image's table of files. NULL: it has none. */
    const char *(*path)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry);
    /** The addresses of a socket, for the rules (policy_match.h). NULL: none. */
    void (*addresses)(const struct ckpt_image_view *image, const struct ckpt_image_fd *entry,
                      struct ckpt_fd_addresses *ret_addresses);

    /* ---- in the command ---- */

    /** Open the descriptor at any number and return that; the caller moves it. -1 with @error. */
    int (*thaw)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                struct ckpt_error *error);
    /** Called when all descriptors are at their numbers. NULL: nothing. */
    int (*finish)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error);
    /** Called when finish() was called for all descriptors. NULL: nothing. */
    int (*settle)(struct ckpt_fd_thaw *thaw, const struct ckpt_image_fd *entry,
                  struct ckpt_error *error);
};

#endif
