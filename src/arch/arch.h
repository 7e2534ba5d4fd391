/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The contract with a processor: everything that another one does differently.
 *
 * Nothing outside src/arch knows a register, an instruction or a relocation by its name; it
 * includes this header and no other of src/arch.  The folder src/arch/NAME of the processor (NAME
 * is what uname(2) and meson call it) provides all that is declared here.  The types have the same
 * size on every processor, so what is outside compiles for all of them, and a folder that lacks
 * something is found out by the linker, which lists it.
 *
 * All of it keeps the rules of parked code: raw system calls, fixed memory, no libc but memcpy and
 * its kin.  The last part is called by the restorer too, where not even these are: it is written in
 * assembler, without relocations.
 */
#ifndef CKPT_ARCH_ARCH_H
#define CKPT_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* ---- facts ---- */

/** What is the same on every machine with this processor. */
struct ckpt_arch {
    const char *name;         /**< as uname(2) calls such a machine */
    const char *title;        /**< as people do */
    uint32_t elf_machine;     /**< EM_* */
    uint32_t jump_slot;       /**< R_*_JUMP_SLOT and R_*_GLOB_DAT: the relocations of a word that */
    uint32_t global_data;     /**< gets the address of an imported function */
    uint32_t rseq_signature;  /**< that libc gives rseq(2) */
    uint32_t kept_registers;  /**< registers that a called function preserves */
    uint32_t context_version; /**< of struct ckpt_arch_context: a new one for each change */
    bool variables_below;     /**< a thread's variables are below its thread pointer, not above */
};
extern const struct ckpt_arch ckpt_arch;

/** The end of the addresses that a process can have without asking for higher ones. */
uint64_t ckpt_arch_space_end(void);

/* ---- the processor of this machine ---- */

/**
 * What a processor offers to compiled code.  A JVM compiles for the one it finds, so a restore
 * needs at least the same.  It is part of the image; only the folder knows what is in it.
 */
struct ckpt_arch_cpu {
    uint64_t words[16];
};

/** Ask the processor. */
void ckpt_arch_cpu_read(struct ckpt_arch_cpu *ret_cpu);

/**
 * Compare what an image needs with what is here.
 * @return NULL when all is here, otherwise a static text that names a missing feature
 */
const char *ckpt_arch_cpu_lacks(const struct ckpt_arch_cpu *needed,
                                const struct ckpt_arch_cpu *here);

/** What it has, as names with a blank between, for people; cut where @size bytes are too few. */
void ckpt_arch_cpu_describe(const struct ckpt_arch_cpu *cpu, char *text, size_t size);

/**
 * CRC-32C of @size bytes by an instruction of the processor: *@crc is the state before and after,
 * without the inversions at the beginning and the end.
 * @return false if there is no such instruction
 */
bool ckpt_arch_crc32c(uint32_t *crc, const void *data, size_t size);

/* ---- a thread ---- */

/** The registers that system calls give a thread: its thread pointer, and what else there is. */
struct ckpt_arch_thread {
    uint64_t pointer;
    uint64_t others[3];
};

/** Of the calling thread. 0, or a negative errno value: what is in it then is not complete. */
int ckpt_arch_thread_save(struct ckpt_arch_thread *ret_thread);

/** Of the calling thread, which has its thread pointer already: all others. */
void ckpt_arch_thread_load(const struct ckpt_arch_thread *thread);

/**
 * The point to which a restored thread comes back: a setjmp of our own, the same on both sides of a
 * restore, so it is a part of the image.  What the C calling convention lets a function clobber is
 * not kept: what the thread did before it was asked to park is in its signal frame, which the
 * kernel takes back on return.
 */
struct ckpt_arch_context {
    uint64_t words[32];
};

/** Returns 0 when it saves; and 1 in the restored process, by ckpt_arch_context_enter(). */
int ckpt_arch_context_save(struct ckpt_arch_context *context) __attribute__((returns_twice));

/** Where the thread continues, and its stack pointer there. */
uint64_t ckpt_arch_context_ip(const struct ckpt_arch_context *context);
uint64_t ckpt_arch_context_sp(const struct ckpt_arch_context *context);

/* ---- a signal frame: a thread as it was when the signal came ---- */

/**
 * Fill in the kernel's struct sigaction, with a way back from the handler where the processor needs
 * one.
 * @param handler  its address
 * @param flags    SA_*
 */
void ckpt_arch_signal_action(uint64_t ret_action[4], uint64_t handler, unsigned long flags,
                             uint64_t mask);

uint64_t ckpt_arch_frame_ip(const ucontext_t *frame);
uint64_t ckpt_arch_frame_sp(const ucontext_t *frame);

/**
 * The general registers except the stack pointer, one by one: those that a called function
 * preserves are the first ckpt_arch.kept_registers.
 * @return NULL after the last
 */
uint64_t *ckpt_arch_frame_register(ucontext_t *frame, unsigned index);

/** Where a thread is relative to a system call, as the frame and the code at its place say. */
enum ckpt_arch_call {
    CKPT_ARCH_CALL_NONE,
    CKPT_ARCH_CALL_BEFORE, /**< it is about to make one, or to make it again */
    CKPT_ARCH_CALL_AFTER,  /**< one has just returned -EINTR */
};
enum ckpt_arch_call ckpt_arch_frame_call(const ucontext_t *frame);

/** Argument @index (0 to 5) of that call. */
uint64_t ckpt_arch_frame_argument(const ucontext_t *frame, unsigned index);
void ckpt_arch_frame_set_argument(ucontext_t *frame, unsigned index, uint64_t value);

/** What is known of the number of that call. */
struct ckpt_arch_number {
    bool is_certain;
    uint64_t value; /**< if it is certain */
    uint64_t
        words; /**< otherwise: the address of `count` words, which may be gone, of which it is */
    uint32_t count; /**< one; none: it cannot be told */
};
void ckpt_arch_frame_number(const ucontext_t *frame, enum ckpt_arch_call call,
                            struct ckpt_arch_number *ret_number);

/** Let the thread make the call that it is after again, as number @number. */
void ckpt_arch_frame_call_again(ucontext_t *frame, uint64_t number);

/** Let the call that the thread is before or after have returned @result. */
void ckpt_arch_frame_call_ended(ucontext_t *frame, enum ckpt_arch_call call, int64_t result);

/* ---- a thread, for debuggers ---- */

/** A note of a core file that follows NT_PRSTATUS of a thread, as up to four pieces of memory. */
struct ckpt_arch_note {
    const char *owner;
    uint32_t type, piece_count;
    struct {
        const void *data; /**< NULL: zeros */
        size_t size;
    } pieces[4];
    uint64_t word; /**< that a piece may be */
};
#define CKPT_ARCH_NOTES 4
#define CKPT_ARCH_CORE_REGISTERS 64

/**
 * The registers of NT_PRSTATUS.
 * @param frame  or NULL: where the thread is, is known by its @context
 */
void ckpt_arch_core_registers(const ucontext_t *frame, const struct ckpt_arch_context *context,
                              const struct ckpt_arch_thread *thread,
                              uint64_t ret_registers[CKPT_ARCH_CORE_REGISTERS]);

/** All other registers; returns the number of notes. They refer to @frame. */
size_t ckpt_arch_core_notes(const ucontext_t *frame,
                            struct ckpt_arch_note ret_notes[CKPT_ARCH_NOTES]);

/* ---- code of others, as compilers write it ---- */

/** Whether the instruction that ends at @code is a call; the CKPT_ARCH_CALL_SIZE bytes before it
 * can be read. */
bool ckpt_arch_code_is_return(const uint8_t *code);
#define CKPT_ARCH_CALL_SIZE 8

/** Whether an instruction in [@from, @to) has the word at the thread pointer + @offset for an
 * operand. */
bool ckpt_arch_code_uses_tid(const uint8_t *from, const uint8_t *to, int64_t offset);

/** Where an instruction has put the word at the thread pointer + some offset. */
struct ckpt_arch_load {
    bool is_spilled;   /**< the next one has stored it at the stack pointer + `distance` */
    uint32_t distance; /**< otherwise it is in `index`, a register that calls preserve: see */
    uint32_t index;    /**< ckpt_arch_frame_register(); any other register is not told */
};

/**
 * The next such instruction in [@from, @to); CKPT_ARCH_LOAD_SIZE bytes more can be read.
 * @return after it, or NULL: there is none
 */
const uint8_t *ckpt_arch_code_next_load(const uint8_t *from, const uint8_t *to, int64_t offset,
                                        struct ckpt_arch_load *ret_load);
#define CKPT_ARCH_LOAD_SIZE 16

/**
 * How many bytes at @now are a debugger's breakpoint or another tracer's, where the file has those
 * at @file: 0 if none are.  @left bytes can be read at both.
 */
size_t ckpt_arch_code_breakpoint(const uint8_t *now, const uint8_t *file, size_t left);

/** Code that loads a word of 32 bits, and if that is 0 calls an imported function instead. */
struct ckpt_arch_default {
    int32_t *variable;
    void *const *slot; /**< has the function's address; whether it can be read is not known */
};

/** The next such code of [@start, @end) from @from on; returns after its start, or NULL. */
const uint8_t *ckpt_arch_code_next_default(const uint8_t *from, const uint8_t *start,
                                           const uint8_t *end, struct ckpt_arch_default *ret);

/* ---- also for the restorer ---- */

/** Make a system call. Returns what the kernel does: a negative errno value on failure. */
long ckpt_arch_syscall(long number, long a, long b, long c, long d, long e, long f);

/**
 * clone(2) with these CLONE_* @flags, and the signal at its end in the lowest byte: a thread or
 * process that begins in a function, on a stack, which a C function cannot do.
 * @param function    must not return
 * @param parent_tid  for CLONE_PARENT_SETTID, otherwise NULL
 * @param child_tid   for CLONE_CHILD_CLEARTID and CLONE_CHILD_SETTID, otherwise NULL
 * @return its ID, or a negative errno value
 */
long ckpt_arch_spawn(unsigned long flags, void *stack_end, void (*function)(void *), void *argument,
                     uint32_t *parent_tid, uint32_t *child_tid);

/** clone(2): a thread that enters @context at once, on the stack that it has there. */
long ckpt_arch_context_clone(unsigned long flags, uint64_t child_tid, uint64_t thread_pointer,
                             const struct ckpt_arch_context *context);

struct clone_args;

/** The same by clone3(2), with arguments that name no stack. */
long ckpt_arch_context_clone3(const struct clone_args *arguments, size_t size,
                              const struct ckpt_arch_context *context);

/** Give the calling thread the registers of a context. */
void ckpt_arch_context_enter(const struct ckpt_arch_context *context) __attribute__((noreturn));

/** Give the calling thread a thread pointer. */
void ckpt_arch_thread_set_pointer(uint64_t pointer);

/** Call @function, which does not return, on another stack; the present one may be gone then. */
void ckpt_arch_switch_stack(uint64_t stack_end, void (*function)(void *), void *argument)
    __attribute__((noreturn));

#endif
