/* SPDX-License-Identifier: MIT */
/* Small macros that every file may use: attributes and container_of. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a)   __attribute__((format(printf, f, a)))
#define NORETURN            __attribute__((noreturn))
#define UNUSED              __attribute__((unused))
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* The object of TYPE whose MEMBER is at POINTER. */
#define container_of(pointer, type, member) ((type *)((uintptr_t)(pointer)-offsetof(type, member)))
