/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The protocol between a JVM that is frozen by CRIU and the command that drives the freeze.
 *
 * criu dumps neither connected Unix sockets nor, before its release 4.2, Internet sockets. So when
 * all threads are parked, the JVM makes an *offer* on the connection to the driver: the line
 * "frozen SIZE", then SIZE bytes that begin with a struct ckpt_frozen_offer, with descriptors as
 * SCM_RIGHTS: those of the agent and the standard streams. The JVM closes them and listens at a
 * Unix socket (`socket` in the offer) which is the only one that criu sees. There it waits for an
 * *order*: from the driver after a dump that failed or left the JVM running, or from the command
 * that restored it. It is in the image in this state.
 *
 * The order is a struct ckpt_frozen_order, then data, then the descriptors, each with one zero byte
 * of its own, so that the JVM needs one free number only. The JVM replies with a struct
 * ckpt_frozen_answer, and continues.
 *
 * The command that restores may be of another release than the agent in the image. So fields never
 * change their meaning, new ones are added at the end of a structure, which begins with its size,
 * and a reader takes the fields that it knows; those that the writer did not have are zero.
 */
#ifndef CKPT_ENGINE_CRIU_FROZEN_H
#define CKPT_ENGINE_CRIU_FROZEN_H

#include <stdint.h>

#define CKPT_FROZEN_VERSION 1u
#define CKPT_FROZEN_LINE "frozen "   /* before the size of the offer */
#define CKPT_FROZEN_SUFFIX ".frozen" /* of the socket's name, after that of the control socket */
#define CKPT_FROZEN_SOCKET_MAX 108u  /* size of sockaddr_un.sun_path */
#define CKPT_FROZEN_FDS_MAX 160u     /* descriptors in a message; the kernel allows 253 */
#define CKPT_FROZEN_STRUCTURE_MAX 16384u /* largest size of a structure of a later release */
#define CKPT_FROZEN_DATA_MAX (64u << 20) /* largest size of the data after an order */

/** What a descriptor of an offer is. */
enum ckpt_frozen_role {
    CKPT_FROZEN_STREAM,    /**< standard input, output or error: its number is 0, 1 or 2 */
    CKPT_FROZEN_OWN,       /**< of the agent */
    CKPT_FROZEN_CONTROL,   /**< of the agent: a connection of a request to the control socket */
    CKPT_FROZEN_REQUESTER, /**< the connection of the request that is being carried out */
};

struct ckpt_frozen_fd {
    int32_t number; /**< in the JVM */
    uint32_t role;  /**< enum ckpt_frozen_role */
};

#define CKPT_FROZEN_TEXTS 5

/** From the JVM. Texts of text_sizes[] bytes follow, in that order, without zero bytes between. */
struct ckpt_frozen_offer {
    uint32_t size, version;
    uint32_t pid, uid, gid; /**< in the JVM's namespaces */
    uint32_t generation;
    uint32_t fd_count;
    uint32_t mailbox_size; /**< size of the agent's struct ckpt_mailbox (image/mailbox.h) */
    struct ckpt_frozen_fd fds[CKPT_FROZEN_FDS_MAX];
    char socket[CKPT_FROZEN_SOCKET_MAX]; /**< where the JVM waits: an absolute path in its root */
    uint32_t leave_running;              /**< the JVM wants to continue after its dump */
    uint32_t text_sizes[CKPT_FROZEN_TEXTS]; /**< indexed by enum ckpt_frozen_text */
};
enum ckpt_frozen_text {
    CKPT_FROZEN_WRITTEN, /**< what to send to the requester when the image is complete */
    CKPT_FROZEN_FILES,   /**< lines "socket PATH": to be removed then; and "log PATTERN" (jvm_logs
                                 in host.h): to be made again if gone */
    CKPT_FROZEN_JAVA,    /**< one line about the JVM, for people */
    CKPT_FROZEN_GENERATORS, /**< random generators that clones share: "COUNT CLASS", zero byte */
    CKPT_FROZEN_LABELS,     /**< labels of the image: "KEY=VALUE", zero byte */
};

/** What the JVM is to do. */
enum ckpt_frozen_action {
    CKPT_FROZEN_CANCEL = 1, /**< the dump failed; the data are lines of a report (report.h) */
    CKPT_FROZEN_CONTINUE,   /**< the image is written, and the JVM continues */
    CKPT_FROZEN_RESTORED,   /**< this is a restored process */
};

/**
 * To the JVM. With CANCEL and CONTINUE come all descriptors of the offer, in its order. With
 * RESTORED come the new standard streams that `streams` names, in ascending order, and the data are
 * a struct ckpt_mailbox of mailbox_size bytes, without addresses, then words, each ended by a zero
 * byte: word_counts[] of each list, and as the flags say the new working directory, and the pattern
 * for later images.
 */
struct ckpt_frozen_order {
    uint32_t size, version;
    uint32_t action;  /**< enum ckpt_frozen_action */
    uint32_t streams; /**< bit N: stream N is given */
    uint64_t data_size;
    uint32_t word_counts[3]; /**< indexed by enum ckpt_frozen_words */
    uint32_t has_cwd, has_new_image;
    uint32_t mailbox_size;
};
enum ckpt_frozen_words {
    CKPT_FROZEN_ENVIRONMENT,
    CKPT_FROZEN_PROPERTIES,
    CKPT_FROZEN_ARGUMENTS,
};

/** From the JVM. After a failure of a restore, the process ends. */
struct ckpt_frozen_answer {
    uint32_t size;
    uint32_t failed;
    char text[504];
};

#endif
