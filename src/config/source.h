/* SPDX-License-Identifier: MIT */
/* The text of a configuration: the main file and all that it includes, as one row of tokens of
 * which each knows where it stands. @include is done here and not by libconfig, which ends the
 * process when it is given a directory, waits for ever on a FIFO, and looks beside the current
 * directory. */
#pragma once

#include "base/macros.h"
#include "config/load.h"
#include "config/problem.h"
#include "config/scan.h"

#include <stdbool.h>
#include <stddef.h>

struct source_file;

struct source {
    struct token *tokens; /* the last is TOKEN_END */
    size_t count, capacity;
    struct source_file **files;
    size_t file_count;
    struct problems *problems;
    bool no_files;
};

/* Reads FILE, or TEXT under the name FILE if TEXT is not NULL. What is wrong is told to PROBLEMS.
 * source_free() in any case. */
void source_read(struct source *s, const char *file, const char *text, bool no_files,
                 struct problems *problems);
/* Wipes the texts and frees everything. Tokens and names of files end here, those taken excepted.
 */
void source_free(struct source *s);
/* Hands over the names of the files, to which the places point, as an array of s->file_count. NULL
 * when out of memory. */
char **source_take_names(struct source *s) MUST_CHECK;
/* Tells which files every user may write to. */
void source_check_modes(const struct source *s);
/* Permission bits of the file whose name is at NAME (the pointer is compared); 0 for a text. */
unsigned source_mode(const struct source *s, const char *name);

static inline struct place source_place(const struct source *s, size_t token) {
    return (struct place){s->tokens[token].where, token + 1};
}
