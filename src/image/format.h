/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The image file: an ELF core of the frozen JVM, with additional notes that have all that a restore
 * needs. This header defines the format; docs/image-format.md explains it.
 *
 *   [ELF header][program headers][notes: ours, then the debugger's][page runs][trailer]
 *
 * It can be written front to back: nothing before the pages depends on their content. The checksums
 * of the pages are in the trailer, at the end of a complete file.
 *
 * All numbers are little-endian and of fixed width, no structure has padding, and all offsets and
 * indices are checked before use (bounds.c). For changes of structures see struct ckpt_image_note.
 */
#ifndef CKPT_IMAGE_FORMAT_H
#define CKPT_IMAGE_FORMAT_H

#include <stdint.h>

#include "arch/arch.h"

#define CKPT_IMAGE_MAGIC 0x3154504b43564a00ull   /* "\0JVCKPT1" read as a little-endian number */
#define CKPT_TRAILER_MAGIC 0x444e454b43564a00ull /* "\0JVCKEND" */
/* version of the parts of the file, and of struct ckpt_image_note */
#define CKPT_IMAGE_VERSION 4
#define CKPT_TRAILER_VERSION 1      /* version in the struct ckpt_image_note of the trailer */
#define CKPT_IMAGE_ENGINE "builtin" /* the engine that all notes but the header belong to */
#define CKPT_IMAGE_NAME "image"
#define CKPT_MANIFEST_NAME "manifest.json"
/* 11 bytes with the final zero, so that descriptions begin at multiples of 8 */
#define CKPT_NOTE_NAME "CHECKPOINT"
#define CKPT_NONE 0xffffffffu /* no index */

/**
 * Our notes. The header comes first; the others follow in any order, each at most once. In the file
 * CKPT_NOTE_BASE is added to the type, because debuggers ignore the name of a note and would take
 * the header, with a small type, for the registers of a thread.
 */
#define CKPT_NOTE_BASE 0x4a560000u
enum ckpt_note_type {
    CKPT_NOTE_HEADER = 1, /**< one struct ckpt_image_header; all other notes belong to the engine */
    CKPT_NOTE_PROCESS,    /**< one struct ckpt_image_process */
    CKPT_NOTE_FILES,   /**< array of struct ckpt_image_file; so are all up to CKPT_NOTE_SIGNALS */
    CKPT_NOTE_MAPS,    /**< struct ckpt_image_map, ascending, not overlapping */
    CKPT_NOTE_SHARED,  /**< struct ckpt_image_shared: objects mapped or open more than once */
    CKPT_NOTE_RUNS,    /**< struct ckpt_image_run, grouped by owner */
    CKPT_NOTE_THREADS, /**< struct ckpt_image_thread, the leader first */
    CKPT_NOTE_FDS,     /**< struct ckpt_image_fd, ascending by number */
    CKPT_NOTE_SIGNALS, /**< struct ckpt_arch_sigaction, 64 of them, signal 1 first */
    CKPT_NOTE_POOL,    /**< bytes that other notes refer to */
    CKPT_NOTE_KERNEL,  /**< one struct ckpt_image_kernel */
    CKPT_NOTE_CPU,     /**< bytes: CPU features that the code in the image may use (arch/) */
    CKPT_NOTE_AGENT,   /**< one struct ckpt_image_agent */
    CKPT_NOTE_COUNT = CKPT_NOTE_AGENT,
};

/**
 * The other note of an image whose pages are the files of another program: text in JSON, whose
 * content is the engine's. Such an image has the header, this note and the end, and no page.
 */
#define CKPT_NOTE_DOCUMENT 64u

/**
 * The start of each of our notes, and of the trailer. @count entries of @entry_size bytes follow.
 *
 * New fields are added at the end of an entry: a reader uses the fields that it knows, and fields
 * that an older writer did not have are zero. If a reader must not ignore a change, it gets a new
 * @version, which a writer writes in all its images: a change that few images use is better a note
 * of its own. A reader accepts all versions up to its own. A note with a newer version or
 * an unknown type is skipped if it has CKPT_NOTE_OPTIONAL; otherwise the image is refused.
 */
struct ckpt_image_note {
    uint32_t version;
    uint32_t flags; /**< CKPT_NOTE_OPTIONAL */
    uint32_t entry_size;
    uint32_t count;
};
#define CKPT_NOTE_OPTIONAL 1u

/** Bytes in the pool. A zero byte follows, which `size` does not include. */
struct ckpt_ref {
    uint32_t offset, size;
};

/** The header, the same for all engines. Its texts are printable and padded with zeros. */
struct ckpt_image_header {
    uint64_t magic;
    uint32_t format; /**< CKPT_IMAGE_VERSION */
    uint32_t page_size;
    uint64_t meta_size;    /**< offset of the pages */
    uint64_t pages_end;    /**< offset of the trailer */
    uint64_t image_size;   /**< size of the file */
    uint32_t meta_crc;     /**< CRC-32C of [0, meta_size) with this field 0 */
    uint32_t generation;   /**< how often the process had been restored */
    uint8_t id[16];        /**< random, the same in manifest.json */
    char engine[16];       /**< the engine that made the image and restores it: "builtin" */
    char architecture[16]; /**< the processor's architecture: the name of its folder in src/arch */
    char release[32];      /**< the version of checkpointer that made it, for people */
    uint64_t realtime_ns;  /**< the clocks at the freeze */
    uint64_t monotonic_ns;
    uint64_t boottime_ns;
    uint32_t uid, gid, pid;
    uint32_t reserved;
};

/**
 * The end of the file. Before it, from pages_end on, is a struct ckpt_image_note whose entries are
 * the CRC-32C of the pages of each run, in the order of CKPT_NOTE_RUNS, padded to a multiple of 8.
 */
struct ckpt_image_end {
    uint8_t id[16]; /**< as in the header */
    uint32_t crc;   /**< CRC-32C of the trailer with this field 0 */
    uint32_t reserved;
    uint64_t magic; /**< CKPT_TRAILER_MAGIC */
};

/** The mappings that the kernel made for the process, and the kernel's identity. */
struct ckpt_image_kernel {
    uint64_t vdso_start, vdso_end;
    uint64_t vvar_start, vvar_end; /**< all special mappings before the vDSO, such as vvar */
    uint32_t vdso_crc;
    uint32_t reserved;
    uint8_t boot_id[40]; /**< /proc/sys/kernel/random/boot_id: the same kernel on the same CPU */
};

/** How a restore passes data to the agent in the image: see image/mailbox.h. */
struct ckpt_image_agent {
    uint64_t mailbox; /**< address of the agent's struct ckpt_mailbox */
    uint32_t mailbox_version, mailbox_size;
    uint32_t parameters_size; /**< size of the agent's struct ckpt_parameters */
    uint32_t context_version; /**< version of the agent's struct ckpt_arch_context (arch.h) */
    uint32_t flags;           /**< CKPT_AGENT_* flags */
    uint32_t reserved;
};

/** The agent can correct a different monotonic clock (hotspot/clock_calls.h). */
#define CKPT_AGENT_REDIRECTS_CLOCK 1u

/** State that the kernel has once for the process. */
struct ckpt_image_process {
    uint64_t start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
    uint64_t arg_start, arg_end, env_start, env_end;
    /** in `command` each word ends with a zero byte */
    struct ckpt_ref auxv, exe, cwd, command, java;
    /** words "COUNT CLASS": random generators that are not renewed */
    struct ckpt_ref shared_generators;
    uint64_t limits[16][2]; /**< RLIMIT_*: soft and hard */
    uint32_t umask;
    uint32_t membarrier;    /**< registered MEMBARRIER_CMD_* */
    uint64_t page_total;    /**< pages in all runs, for people */
    struct ckpt_ref labels; /**< words KEY=VALUE, each with a zero byte */
};

/** A mapped or open file. It must be unchanged at the restore, unless its flags allow changes. */
struct ckpt_image_file {
    struct ckpt_ref path;
    uint64_t device, inode, size;
    int64_t mtime_s;
    uint32_t mtime_ns;
    uint32_t mode;
    uint32_t flags; /**< CKPT_FILE_* */
    uint8_t build_id_size;
    uint8_t build_id[35];
    uint32_t first_run, run_count; /**< for CKPT_FILE_COPIED: addresses are offsets in the file */
    uint64_t sum_size;             /**< for CKPT_FILE_SUMMED: `sum` is of so many bytes */
    uint32_t sum;                  /**< CRC-32C */
    uint32_t base; /**< for CKPT_FILE_TEMPORARY: size of the start of the path that must exist */
};
/* because of a policy it may differ at the restore; only its kind is checked */
#define CKPT_FILE_MAY_CHANGE 1u
#define CKPT_FILE_MADE_AGAIN 2u /* the restore does not search for it, but makes a new one */
#define CKPT_FILE_COPIED 4u     /* its content is in the image, in case the file is missing */
#define CKPT_FILE_WRITTEN 8u    /* open for writing, or mapped shared and writable */
/* the application writes only at its end, so it may be longer at the restore */
#define CKPT_FILE_MAY_GROW 16u
#define CKPT_FILE_SUMMED 32u    /* has a checksum: writes by mappings may not change its mtime */
#define CKPT_FILE_TEMPORARY 64u /* a COPIED file, or a folder: made if it is missing */
#define CKPT_FILE_LOG 128u      /* a log of the JVM: made if it is missing, continued at its end */
#define CKPT_FILE_LEASED 256u   /* a write lease, which ends when the file is opened once more */
#define CKPT_FILE_FLAGS 511u

enum ckpt_map_kind {
    CKPT_MAP_ANON = 1, /**< private, without a file */
    CKPT_MAP_FILE,     /**< a file, private or shared; runs have the pages that differ from it */
    CKPT_MAP_SHARED,   /**< a view of entry `object` of CKPT_NOTE_SHARED, at `offset` */
    CKPT_MAP_PERF,     /**< HotSpot's hsperfdata: its file is made again for the new PID */
    CKPT_MAP_KERNEL,   /**< vDSO and its data: the restoring process has a new one */
};

#define CKPT_MAP_SHARED_FLAG 0x01u
#define CKPT_MAP_GROWSDOWN 0x02u
#define CKPT_MAP_NORESERVE 0x04u
#define CKPT_MAP_HUGEPAGE 0x08u
#define CKPT_MAP_NOHUGEPAGE 0x10u
#define CKPT_MAP_DONTDUMP 0x20u
#define CKPT_MAP_WIPEONFORK 0x40u
#define CKPT_MAP_DONTFORK 0x80u
#define CKPT_MAP_DROPPABLE 0x100u
#define CKPT_MAP_LOCKED 0x200u
#define CKPT_MAP_HEAP 0x400u  /* the brk area */
#define CKPT_MAP_STACK 0x800u /* the first thread's stack */
#define CKPT_MAP_MERGEABLE 0x1000u
#define CKPT_MAP_SEQUENTIAL 0x2000u
#define CKPT_MAP_RANDOM 0x4000u
/* shared, and its file was open for writing: mprotect() may make it writable */
#define CKPT_MAP_MAY_WRITE 0x8000u
/* with CKPT_MAP_LOCKED: the kernel locks pages when they are first used */
#define CKPT_MAP_ONFAULT 0x10000u
#define CKPT_MAP_SEALED 0x20000u
#define CKPT_MAP_HUGETLB 0x40000u /* huge pages of hugetlbfs */
/* with CKPT_MAP_HUGETLB: the logarithm of the size of its pages */
#define CKPT_MAP_HUGE_SHIFT 20
#define CKPT_MAP_HUGE_MASK (0x3fu << CKPT_MAP_HUGE_SHIFT)
#define CKPT_MAP_FLAGS (0x7ffffu | CKPT_MAP_HUGE_MASK)

struct ckpt_image_map {
    uint64_t start, end;
    uint64_t offset; /**< offset in the file or the shared object */
    uint32_t prot;   /**< PROT_* */
    uint32_t flags;  /**< CKPT_MAP_* flags */
    uint32_t kind;
    uint32_t object; /**< index of a file or a shared object, CKPT_NONE */
    uint32_t first_run, run_count;
};

/**
 * A memory object that is independent of mappings: a memfd, a deleted file, shared anonymous memory
 * or a segment of System V.
 */
struct ckpt_image_shared {
    struct ckpt_ref name; /**< the name that was passed to memfd_create() */
    uint64_t device, inode, size;
    uint32_t first_run, run_count; /**< run addresses are offsets in the object */
    uint32_t seals;
    uint32_t flags; /**< the logarithm of the size of its huge pages (hugetlbfs); 0: it has none */
    uint32_t mode;  /**< the permission bits; 0: not known */
    uint32_t reserved;
    struct ckpt_ref directory; /**< of a deleted file; made there again if possible */
};

#define CKPT_RUN_GUARD 1u
#define CKPT_RUN_LAZY 2u /* the JVM's own memory: may be a private mapping of the image */
/** Pages in the image. `address` and `offset` are multiples of the page size. */
struct ckpt_image_run {
    uint64_t address, offset, size;
    uint32_t flags; /**< CKPT_RUN_LAZY, or CKPT_RUN_GUARD: guard pages have no content, no offset */
    uint32_t reserved;
};

#define CKPT_THREAD_LEADER 1u
#define CKPT_THREAD_COORDINATOR 2u
struct ckpt_image_thread {
    uint32_t tid;
    uint32_t flags;
    uint64_t context; /**< address of its struct ckpt_arch_context, in the process's memory */
    uint64_t tls;     /**< the thread pointer */
    uint64_t clear_tid;
    uint64_t ip, sp; /**< its registers when it was interrupted to be parked, for people */
    char name[16];
};

enum ckpt_fd_kind {
    CKPT_FD_STDIO = 1, /**< inherited from the command that restores */
    CKPT_FD_FILE,
    CKPT_FD_DIRECTORY,
    CKPT_FD_DEVICE,
    CKPT_FD_PIPE,
    CKPT_FD_EVENTFD,
    CKPT_FD_EPOLL,
    CKPT_FD_TCP,
    CKPT_FD_UNIX,
    CKPT_FD_SHARED,   /**< a memfd */
    CKPT_FD_CLOSED,   /**< closed at the checkpoint */
    CKPT_FD_FIFO,     /**< a named pipe */
    CKPT_FD_LISTENER, /**< a Unix socket that listens */
    CKPT_FD_UDP,
    CKPT_FD_KERNEL, /**< a file of /proc, /sys or a cgroup, a namespace */
    CKPT_FD_TIMERFD,
    CKPT_FD_INOTIFY,
    CKPT_FD_SIGNALFD,
    CKPT_FD_PIDFD,       /**< of the process itself */
    CKPT_FD_UNIX_SOCKET, /**< a Unix socket that does not listen */
    CKPT_FD_TCP_PAIR,    /**< a TCP connection with both ends in the process */
    CKPT_FD_PATH,        /**< O_PATH of what is neither a file nor a directory */
    CKPT_FD_DELETED_DIRECTORY,
    CKPT_FD_UNIX_DATAGRAM,
};

/* in fd_flags: because of a policy the restore may open another file */
#define CKPT_FD_REOPEN 0x80000000u
#define CKPT_FD_OWNED 0x100u
struct ckpt_image_fd {
    int32_t number;
    uint32_t kind;
    uint32_t open_flags; /**< as fcntl(F_GETFL) */
    uint32_t fd_flags;   /**< FD_CLOEXEC, CKPT_FD_REOPEN */
    uint32_t object;     /**< index of a file or shared object, CKPT_NONE */
    uint32_t same_as;    /**< index of an earlier entry with the same open file, CKPT_NONE */
    uint64_t position;
    uint64_t inode;
    struct ckpt_ref data;  /**< data whose format the kind's file kind_*.c defines */
    uint32_t kind_version; /**< version of the kind's data: see struct ckpt_fd_kind_row */
    uint32_t owner;        /**< CKPT_FD_OWNED | F_GETSIG: the process gets its signals (F_SETOWN) */
};

#endif
