/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory fences for what another process reads; nothing where TSan, which has no notion of them,
 * watches one process only. */
#ifndef BASE_FENCE_H
#define BASE_FENCE_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* What was stored before it is seen before what is stored after it. */
static inline void fence_release(void)
{
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/* What was read before it is read before what is read after it. */
static inline void fence_acquire(void)
{
#ifndef __SANITIZE_THREAD__
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

#endif
