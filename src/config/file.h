/* SPDX-License-Identifier: MIT */
/* Reading a small file whole: never a directory, a device or a FIFO, never more than a ceiling, and
 * what is looked at is what was opened. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"

#include <stdbool.h>
#include <sys/types.h>

/* Which file it was and who may read it (fstat(2) of the open file). */
struct file_facts {
    dev_t device;
    ino_t inode;
    mode_t mode;
};

/* Appends the content of PATH to INTO, whose ceiling is the limit. On failure says why in WHY:
 * "cannot be opened: No such file or directory", … FACTS may be NULL. */
bool file_read(const char *path, struct buf *into, struct file_facts *facts,
               struct buf *why) MUST_CHECK;
/* The same, but PATH may not be a symbolic link: for names that somebody else has said. */
bool file_read_itself(const char *path, struct buf *into, struct file_facts *facts,
                      struct buf *why) MUST_CHECK;

/* NAME as seen from the directory of the file FROM: NAME itself if it begins with '/'. NULL when
 * out of memory. The caller frees it. */
char *file_beside(const char *from, const char *name) MUST_CHECK;
