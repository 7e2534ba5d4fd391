// SPDX-License-Identifier: LGPL-3.0-or-later
//
// An image made by hand from memory of the test itself: small, and with at least one of each kind
// of object of the format, as input for tests of the writer, the reader and the fuzzer. One thread
// only; all functions bail out when the machine lacks memory or files.

#ifndef CKPT_TESTS_SAMPLE_H
#define CKPT_TESTS_SAMPLE_H

#include "image/parse.h"
#include "image/source.h"
#include "image/writer.h"

// The parts of the sample, to compare with what is read.
struct sample {
    struct ckpt_scratch scratch;
    struct ckpt_tables tables;
    char *memory;      // SAMPLE_SPACE bytes; the maps of the image are in it
    int shared_fds[1]; // the one memory file
};

// The size of its pages, which may be another one than this machine's; set it before sample_make().
extern uint32_t sample_page_size;

// Whether it has descriptors of a kind's later version too, which need the whole of an entry; set
// it before sample_make().
extern bool sample_later_kinds;

#define SAMPLE_SPACE ((size_t)32 << 20)
#define SAMPLE_THREADS 2

// Fill tables, ready to be written.
void sample_make(struct sample *sample);

// Write it to a file of a new folder in TMPDIR; returns the folder's name (static).
const char *sample_write(struct sample *sample);

// Remove that folder.
void sample_remove(void);

// The metadata of DIR/image in memory of exactly its size, to be freed; *ret_file_size the file's.
void *sample_metadata(const char *directory, size_t *ret_size, uint64_t *ret_file_size);

// The image's header in arbitrary metadata, or NULL if there is no room for one.
struct ckpt_image_header *sample_header(void *metadata, size_t size);

// Correct the checksum after a change; does nothing if there is no header.
void sample_seal(void *metadata, size_t size);

#endif
