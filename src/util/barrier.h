/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every ordering between host and device, in one place.  Each use says what it orders and why.
 *
 * The other side may be a processor (a software SSD) or a PCIe function that reads this memory by itself and whose
 * registers are mapped uncached.  On x86-64 stores leave in program order for both, so acquire and release only have to
 * keep the compiler from moving accesses.  On arm64 a C11 fence is "dmb ish", which orders for the processors' inner
 * shareable domain alone; a function need not be in that one, so it is the outer one here.  What these do not order is
 * write-combined memory: nothing may be mapped so that is written with ut_store().
 */
#pragma once

#if defined(__aarch64__)
#define ut_release_barrier() __asm__ volatile("dmb osh" ::: "memory")
#define ut_acquire_barrier() __asm__ volatile("dmb oshld" ::: "memory")
#define ut_full_barrier() __asm__ volatile("dmb osh" ::: "memory")
#else
/* Before the store that publishes (a doorbell, a phase bit): all earlier accesses are done first. */
#define ut_release_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
/* After the load that tells there is something (a phase bit, a doorbell): no later access is done before it. */
#define ut_acquire_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)
/* A store that must be visible before a later load of another address. */
#define ut_full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
/* Accesses to memory that the other side changes meanwhile: done once, whole. */
#define ut_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define ut_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
