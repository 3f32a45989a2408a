/* SPDX-License-Identifier: MIT */
/* A directory of its own for a test program or a single test, for cmocka's setup and teardown. */
#pragma once

#include "base/macros.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCRATCH_TEMPLATE "/tmp/scoregate-test-XXXXXX"

static char scratch[sizeof SCRATCH_TEMPLATE];

static int scratch_make(UNUSED void **state) {
    strcpy(scratch, SCRATCH_TEMPLATE);
    return mkdtemp(scratch) ? 0 : -1;
}

static int scratch_remove_one(const char *path, UNUSED const struct stat *st, UNUSED int type,
                              UNUSED struct FTW *ftw) {
    return remove(path);
}

static int scratch_remove(UNUSED void **state) {
    return nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The path of NAME there; good for a few calls. */
static const char *scratch_path(const char *name) {
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % ARRAY_LEN(paths)];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

/* Writes the file NAME and gives its path. */
UNUSED static const char *scratch_write(const char *name, const char *content, mode_t mode) {
    const char *path = scratch_path(name);
    FILE *file = fopen(path, "w");
    if (!file || fputs(content, file) < 0 || fclose(file) != 0 || chmod(path, mode) != 0)
        abort();
    return path;
}
