/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every ordering between host and device, in one place.  Each use says what it orders and why.  On x86-64 the acquire
 * and release forms cost nothing but keep the compiler from moving accesses; on arm64 they are dmb instructions.
 */
#pragma once

/* Before the store that publishes (a doorbell, a phase bit): all earlier stores are visible first. */
#define ut_release_barrier() __atomic_thread_fence(__ATOMIC_RELEASE)
/* After the load that tells there is something (a phase bit, a doorbell): no later load is done before it. */
#define ut_acquire_barrier() __atomic_thread_fence(__ATOMIC_ACQUIRE)
/* A store that must be visible before a later load of another address. */
#define ut_full_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
/* Accesses to memory that the other side changes meanwhile: done once, whole. */
#define ut_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define ut_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
