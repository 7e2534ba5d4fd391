/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The restorer's flat binary, built before (restorer/meson.build), as bytes of the command.
 */
        .section .rodata
        .globl  ckpt_restorer_code, ckpt_restorer_code_end
        .hidden ckpt_restorer_code, ckpt_restorer_code_end
        .balign 16
ckpt_restorer_code:
        .incbin CKPT_RESTORER_BINARY
ckpt_restorer_code_end:
        .section .note.GNU-stack, "", @progbits
