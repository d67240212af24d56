/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * base/cleanup.h - scope-bound release of memory, files and objects
 *
 * A variable marked `_cleanup_(fn)` is released by fn when its scope ends, on every path. To hand
 * the object on, take it out with SWB_TAKE_PTR() or SWB_TAKE_FD(): the variable is then empty.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* "unused": clang would complain of a variable that is there only to be released. */
#define _cleanup_(fn) __attribute__((cleanup(fn), unused))
#define _warn_unused_ __attribute__((warn_unused_result))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_ __attribute__((unused))

/* Defines swb_xp(type **), for use as _cleanup_(swb_xp), from a destructor that accepts NULL. */
#define SWB_DEFINE_CLEANUP(type, fn)                                                               \
        static inline _unused_ void fn##p(type *object)                                            \
        {                                                                                          \
                if (*object)                                                                       \
                        (void)fn(*object);                                                         \
        }

#define SWB_TAKE_PTR(pointer)                                                                      \
        ({                                                                                         \
                __auto_type swb_taken_ = (pointer);                                                \
                (pointer) = NULL;                                                                  \
                swb_taken_;                                                                        \
        })

#define SWB_TAKE_FD(fd)                                                                            \
        ({                                                                                         \
                int swb_taken_ = (fd);                                                             \
                (fd) = -EBADF;                                                                     \
                swb_taken_;                                                                        \
        })

#define SWB_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define SWB_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SWB_MAX(a, b) ((a) > (b) ? (a) : (b))

static inline void swb_freep(void *pointer)
{
        free(*(void **)pointer);
}

/* Closes if open. The result of close() is of no use here: whoever needs the bytes on the medium
 * has called fsync() before. */
static inline int swb_close(int fd)
{
        if (fd >= 0) {
                int saved = errno;

                (void)close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void swb_closep(int *fd)
{
        *fd = swb_close(*fd);
}

static inline void swb_fclosep(FILE **file)
{
        if (*file)
                (void)fclose(*file);
}

static inline void swb_closedirp(DIR **dir)
{
        if (*dir)
                (void)closedir(*dir);
}

#define _cleanup_free_ _cleanup_(swb_freep)
#define _cleanup_close_ _cleanup_(swb_closep)
#define _cleanup_fclose_ _cleanup_(swb_fclosep)
#define _cleanup_closedir_ _cleanup_(swb_closedirp)
