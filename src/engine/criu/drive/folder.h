/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The image directory of this engine: criu's files are in a sub-folder, which `image` names. A new
 * checkpoint gets a sub-folder of its own, so that the old image stays whole until the new one has
 * its name. The log of its dump is next to them, and that of a later one that failed.
 */
#ifndef CKPT_ENGINE_CRIU_DRIVE_FOLDER_H
#define CKPT_ENGINE_CRIU_DRIVE_FOLDER_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/criu_folder.h"
#include "image/format.h"

/** What is needed to take a commit back. */
struct ckpt_criu_commit {
    uint64_t device, inode; /**< of the image directory */
    char files[40];         /**< the sub-folder */
    char old[64];           /**< where the old image is; "": there was none */
    bool stays;             /**< the old image could not be kept, so the new one stays */
};

struct ckpt_criu_folder {
    const char *directory;
    int dir_fd;   /**< the image directory, locked */
    int files_fd; /**< the sub-folder */
    char files[40];
    uint8_t id[16];
    bool committed;
    struct ckpt_criu_commit commit;
    json_t *manifest; /**< for manifest.json; written when the image is final */
    int announce;     /**< a socket to which `commit` is sent before a commit; -1: none */
};

#define CKPT_CRIU_FOLDER_NONE                                                                      \
    (struct ckpt_criu_folder)                                                                      \
    {                                                                                              \
        .dir_fd = -1, .files_fd = -1, .announce = -1                                               \
    }

/** Make the directory if it does not exist, lock it, and make a sub-folder in it. */
int ckpt_criu_folder_make(const char *directory, struct ckpt_criu_folder *ret,
                          struct ckpt_error *error);

/**
 * Give the image its name. From here on it can be restored.
 * @param header    the id is set here
 * @param document  for the note; manifest.json gets what is for people in @manifest
 */
int ckpt_criu_folder_commit(struct ckpt_criu_folder *folder, struct ckpt_image_header *header,
                            json_t *document, json_t *manifest, struct ckpt_error *error);

/** Take a commit back: the directory has the old image again, or none. @dir: it is locked. */
void ckpt_criu_folder_withdraw(int dir, const struct ckpt_criu_commit *commit);

/** The same, in another process, after the one that has committed was killed. */
void ckpt_criu_folder_withdraw_at(const char *directory, const struct ckpt_criu_commit *commit);

/**
 * Close it. Without a commit, the sub-folder goes; after it, those of earlier images.
 */
void ckpt_criu_folder_close(struct ckpt_criu_folder *folder);

#endif
