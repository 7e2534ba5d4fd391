/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The interface of an architecture: everything that is different on another processor.
 *
 * Code outside src/arch does not depend on registers, instructions or relocations.  It includes
 * this header and no other of src/arch.  The folder src/arch/NAME of the architecture (NAME is as
 * in uname(2) and meson) defines everything that is declared here.  The types have the same size on
 * every architecture, so the other code compiles for all of them, and the linker lists what a
 * folder lacks.
 *
 * All of this follows the rules of parked code: raw system calls, fixed memory, no libc except
 * memcpy() and the like.  The restorer, which does not even have memcpy(), also calls the functions
 * of the last part, so they are written in assembler and have no relocations.
 */
#ifndef CKPT_ARCH_ARCH_H
#define CKPT_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* ---- facts ---- */

/** Constants of the architecture. */
struct ckpt_arch {
    const char *name;     /**< as in uname(2) */
    const char *title;    /**< for people */
    uint32_t elf_machine; /**< EM_* */
    uint32_t jump_slot; /**< R_*_JUMP_SLOT: a relocation for the address of an imported function */
    uint32_t global_data;         /**< R_*_GLOB_DAT: the other relocation for such an address */
    uint32_t rseq_signature;      /**< the signature that libc passes to rseq(2) */
    uint32_t preserved_registers; /**< how many registers a called function preserves */
    uint32_t context_version;     /**< of struct ckpt_arch_context; each change increases it */
    bool variables_below;         /**< a thread's variables are below its thread pointer */
};
extern const struct ckpt_arch ckpt_arch;

/** The end of the addresses that mmap() uses unless a higher one is requested. */
uint64_t ckpt_arch_space_end(void);

/* ---- the processor of this machine ---- */

/**
 * The features of a processor for compiled code.  A JVM compiles for the processor that it runs on,
 * so a restore needs one with the same features.  This is part of the image; only the folder of the
 * architecture interprets it.  If it records a feature that older commands do not compare, its note
 * needs a new version (image/notes.c).
 */
struct ckpt_arch_cpu {
    uint64_t words[16];
};

/** Read the features of this machine's processor. */
void ckpt_arch_cpu_read(struct ckpt_arch_cpu *ret_cpu);

/**
 * Compare the features that an image needs with those of this machine.
 * @return NULL if this machine has all of them, otherwise a static text that names a missing one
 */
const char *ckpt_arch_cpu_lacks(const struct ckpt_arch_cpu *needed,
                                const struct ckpt_arch_cpu *here);

/** Write the names of the features, separated by blanks, for people; truncated to @size bytes. */
void ckpt_arch_cpu_describe(const struct ckpt_arch_cpu *cpu, char *text, size_t size);

/**
 * CRC-32C of @size bytes by an instruction of the processor: *@crc is the state before and after,
 * without the inversions at the beginning and the end.
 * @return false if there is no such instruction
 */
bool ckpt_arch_crc32c(uint32_t *crc, const void *data, size_t size);

/* ---- a thread ---- */

/** The registers of a thread that are set by system calls: its thread pointer, and others. */
struct ckpt_arch_thread {
    uint64_t pointer;
    uint64_t others[3];
};

/**
 * Read these registers of the calling thread. Returns 0, or a negative errno value if the result is
 * incomplete.
 */
int ckpt_arch_thread_save(struct ckpt_arch_thread *ret_thread);

/** Set these registers of the calling thread, except its thread pointer. */
void ckpt_arch_thread_load(const struct ckpt_arch_thread *thread);

/**
 * The registers at the point where a restored thread continues, like a jmp_buf, but with a layout
 * that is part of the image.  It has only registers that a called function preserves in the C
 * calling convention.  The state before the thread was parked is in its signal frame, which the
 * kernel restores when the handler returns.
 */
struct ckpt_arch_context {
    uint64_t words[32];
};

/** Returns 0 after saving, and 1 when ckpt_arch_context_enter() enters the context. */
int ckpt_arch_context_save(struct ckpt_arch_context *context) __attribute__((returns_twice));

/** The instruction pointer and the stack pointer of a thread that enters @context. */
uint64_t ckpt_arch_context_ip(const struct ckpt_arch_context *context);
uint64_t ckpt_arch_context_sp(const struct ckpt_arch_context *context);

/* ---- a signal frame: the state of a thread when the signal was delivered ---- */

/** The kernel's struct sigaction.  Not all architectures have the same members in `rest`. */
struct ckpt_arch_sigaction {
    uint64_t handler, flags, rest[2];
};

/**
 * Fill in @ret_action. If the architecture needs it, this includes the address of code that returns
 * from the handler.
 * @param handler  the handler's address
 * @param flags    SA_*
 */
void ckpt_arch_sigaction_make(struct ckpt_arch_sigaction *ret_action, uint64_t handler,
                              unsigned long flags, uint64_t mask);

uint64_t ckpt_arch_frame_ip(const ucontext_t *frame);
uint64_t ckpt_arch_frame_sp(const ucontext_t *frame);

/**
 * The general register @index, without the stack pointer.  The first ckpt_arch.preserved_registers
 * are those that a called function preserves.
 * @return NULL after the last
 */
uint64_t *ckpt_arch_frame_register(ucontext_t *frame, unsigned index);

/** Where a thread is relative to a system call, according to its frame and code. */
enum ckpt_arch_call {
    CKPT_ARCH_CALL_NONE,
    CKPT_ARCH_CALL_BEFORE, /**< the next instruction makes a call, perhaps again */
    CKPT_ARCH_CALL_AFTER,  /**< a call has just returned -EINTR */
};
enum ckpt_arch_call ckpt_arch_frame_call(const ucontext_t *frame);

/** Argument @index (0 to 5) of the system call that the thread is before or after. */
uint64_t ckpt_arch_frame_argument(const ucontext_t *frame, unsigned index);
void ckpt_arch_frame_set_argument(ucontext_t *frame, unsigned index, uint64_t value);

/** The number of that system call, or words that probably include the number. */
struct ckpt_arch_number {
    bool is_certain;
    uint64_t value; /**< the number, if it is certain */
    uint64_t words; /**< otherwise: the address of words, which may be unmapped */
    uint32_t count; /**< how many words; 0: the number is not known */
};
void ckpt_arch_frame_number(const ucontext_t *frame, enum ckpt_arch_call call,
                            struct ckpt_arch_number *ret_number);

/** Change the frame of a thread after a call so that the thread makes the call @number again. */
void ckpt_arch_frame_call_again(ucontext_t *frame, uint64_t number);

/** Change the frame as if the call had returned @result. */
void ckpt_arch_frame_call_ended(ucontext_t *frame, enum ckpt_arch_call call, int64_t result);

/* ---- a thread, for debuggers ---- */

/**
 * A note of a core file after a thread's NT_PRSTATUS; its content is up to four pieces of memory.
 */
struct ckpt_arch_note {
    const char *owner;
    uint32_t type, piece_count;
    struct {
        const void *data; /**< NULL: zeros */
        size_t size;
    } pieces[4];
    uint64_t word; /**< memory for a piece */
};
#define CKPT_ARCH_NOTES 4
#define CKPT_ARCH_CORE_REGISTERS 64

/**
 * The registers for NT_PRSTATUS.
 * @param frame  the signal frame; NULL: only the registers of @context are known
 */
void ckpt_arch_core_registers(const ucontext_t *frame, const struct ckpt_arch_context *context,
                              const struct ckpt_arch_thread *thread,
                              uint64_t ret_registers[CKPT_ARCH_CORE_REGISTERS]);

/** Notes with all other registers, which point into @frame; returns their number. */
size_t ckpt_arch_core_notes(const ucontext_t *frame,
                            struct ckpt_arch_note ret_notes[CKPT_ARCH_NOTES]);

/* ---- compiled code of libraries ---- */

/**
 * Whether the instruction before @code is a call. The CKPT_ARCH_CALL_SIZE bytes before @code must
 * be readable.
 */
bool ckpt_arch_code_follows_call(const uint8_t *code);
#define CKPT_ARCH_CALL_SIZE 8

/**
 * Whether an instruction in [@from, @to) has the word at the thread pointer + @offset as operand.
 */
bool ckpt_arch_code_reads_tid(const uint8_t *from, const uint8_t *to, int64_t offset);

/** The place to which code has copied the word at the thread pointer + an offset. */
struct ckpt_arch_load {
    bool is_spilled; /**< it was stored at the stack pointer + `distance` */
    uint32_t distance;
    uint32_t index; /**< otherwise: in this preserved register, see ckpt_arch_frame_register() */
};

/**
 * Find the next instruction in [@from, @to) that loads the word at the thread pointer + @offset
 * into a preserved register, or into another one that the next instruction stores on the stack.
 * CKPT_ARCH_LOAD_SIZE bytes after @to must be readable.
 * @return where to continue, or NULL: there is none
 */
const uint8_t *ckpt_arch_code_next_load(const uint8_t *from, const uint8_t *to, int64_t offset,
                                        struct ckpt_arch_load *ret_load);
#define CKPT_ARCH_LOAD_SIZE 16

/**
 * The size of the breakpoint that a debugger or another tracer has put at @now, or 0 if there is
 * none. @file is the same place in the unchanged file. @left bytes can be read at both.
 */
size_t ckpt_arch_code_breakpoint(const uint8_t *now, const uint8_t *file, size_t left);
#define CKPT_ARCH_BREAKPOINT_MAX 8u

/** Code that loads a variable of 32 bits, and calls an imported function if it is 0. */
struct ckpt_arch_default {
    int32_t *variable;
    void *const *slot; /**< holds the function's address; may be unreadable memory */
};

/** Find the next such code in [@start, @end), from @from on; returns where to continue, or NULL. */
const uint8_t *ckpt_arch_code_next_default(const uint8_t *from, const uint8_t *start,
                                           const uint8_t *end, struct ckpt_arch_default *ret);

/* ---- also for the restorer ---- */

/** Make a system call. Returns the kernel's result: a negative errno value on failure. */
long ckpt_arch_syscall(long number, long a, long b, long c, long d, long e, long f);

/**
 * Start a thread or process, by clone(2), that calls @function on a stack of its own.
 * @param flags       CLONE_*, with the exit signal in the lowest byte
 * @param function    must not return
 * @param parent_tid  for CLONE_PARENT_SETTID, otherwise NULL
 * @param child_tid   for CLONE_CHILD_CLEARTID and CLONE_CHILD_SETTID, otherwise NULL
 * @return its ID, or a negative errno value
 */
long ckpt_arch_spawn(unsigned long flags, void *stack_end, void (*function)(void *), void *argument,
                     uint32_t *parent_tid, uint32_t *child_tid);

/** Start a thread, by clone(2), that enters @context, on the context's stack. */
long ckpt_arch_context_clone(unsigned long flags, uint64_t child_tid, uint64_t thread_pointer,
                             const struct ckpt_arch_context *context);

struct clone_args;

/** Like ckpt_arch_context_clone(), but by clone3(2). The arguments must not contain a stack. */
long ckpt_arch_context_clone3(const struct clone_args *arguments, size_t size,
                              const struct ckpt_arch_context *context);

/** Set the registers of the calling thread to those of a context, so that it continues there. */
void ckpt_arch_context_enter(const struct ckpt_arch_context *context) __attribute__((noreturn));

/** Set the thread pointer of the calling thread. */
void ckpt_arch_thread_set_pointer(uint64_t pointer);

/** Call @function, which must not return, on another stack. @function may unmap the old one. */
void ckpt_arch_switch_stack(uint64_t stack_end, void (*function)(void *), void *argument)
    __attribute__((noreturn));

#endif
