/* SPDX-License-Identifier: LGPL-3.0-or-later */
/*
 * The state of the vDSO's getrandom(), which glibc uses since 2.41.
 */
#ifndef CKPT_ENGINE_CRIU_PARKED_KERNEL_RANDOM_H
#define CKPT_ENGINE_CRIU_PARKED_KERNEL_RANDOM_H

/**
 * Empty it, while all other threads are parked: criu before 4.2 writes it into the image, and all
 * processes that are restored from that would get the same bytes.
 */
void ckpt_criu_drop_kernel_random(void);

#endif
