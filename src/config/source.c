/* SPDX-License-Identifier: MIT */
/* Reading the files of a configuration, as config/source.h says. */
#include "config/source.h"

#include "base/buf.h"
#include "config/file.h"

#include <stdlib.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (1024 * 1024)
#define FILES_MAX      64
#define DEPTH_MAX      8
#define TOKENS_MAX     (1024 * 1024)

struct source_file {
    char *name;
    struct buf text;
    struct file_facts facts;
    bool named_elsewhere;               /* source_take_names() has handed the name over */
    const struct source_file *includer; /* NULL: the main file */
};

static struct source_file *add_file(struct source *s, char *name,
                                    const struct source_file *includer) {
    struct source_file *file = calloc(1, sizeof *file);
    struct source_file **files =
        reallocarray(s->files, s->file_count + 1, sizeof(struct source_file *));
    if (files)
        s->files = files;
    if (!name || !file || !files) {
        s->problems->out_of_memory = true;
        free(name);
        free(file);
        return NULL;
    }
    file->name = name;
    file->includer = includer;
    buf_init(&file->text, FILE_BYTES_MAX);
    s->files[s->file_count++] = file;
    return file;
}

static bool add_token(struct source *s, struct token t) {
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 256;
        struct token *tokens =
            capacity <= TOKENS_MAX ? reallocarray(s->tokens, capacity, sizeof *tokens) : NULL;
        if (!tokens) {
            s->problems->out_of_memory = true;
            return false;
        }
        s->tokens = tokens;
        s->capacity = capacity;
    }
    s->tokens[s->count++] = t;
    return true;
}

static void read_tokens(struct source *s, struct source_file *file, unsigned depth);

static bool is_open_already(const struct source_file *file) {
    for (const struct source_file *f = file->includer; f; f = f->includer)
        if (f->facts.device == file->facts.device && f->facts.inode == file->facts.inode)
            return true;
    return false;
}

/* The file that an @include names, between its quotes. */
static char *included_path(const struct source_file *from, struct text quoted) {
    char *name = text_dup((struct text){quoted.at + 1, quoted.len - 2});
    char *path = name ? file_beside(from->name, name) : NULL;
    free(name);
    return path;
}

static void include(struct source *s, struct source_file *from, const struct token *t,
                    unsigned depth) {
    struct place place = {t->where, s->count + 1};
    if (t->text.len < 3 || t->text.at[t->text.len - 1] != '"')
        return; /* told by the scanner, but for an empty name */
    if (s->no_files) {
        problem_add(s->problems, place, "@include is not possible here");
        return;
    }
    if (depth == DEPTH_MAX || s->file_count == FILES_MAX) {
        problem_add(s->problems, place, "too many includes; at most %d files, %d deep", FILES_MAX,
                    DEPTH_MAX);
        return;
    }
    struct source_file *file = add_file(s, included_path(from, t->text), from);
    if (!file)
        return;
    struct buf why;
    buf_init(&why, 4096);
    if (!file_read(file->name, &file->text, &file->facts, &why))
        problem_add(s->problems, place, "the included \"%s\" %s", file->name, buf_text(&why).at);
    else if (is_open_already(file))
        problem_add(s->problems, place, "the included \"%s\" includes itself", file->name);
    else
        read_tokens(s, file, depth + 1);
    buf_done(&why);
}

static void read_tokens(struct source *s, struct source_file *file, unsigned depth) {
    struct text text = buf_text(&file->text);
    if (text_find(text, '\0') < text.len) {
        problem_add(s->problems, (struct place){{file->name, 0}, s->count + 1},
                    "holds a NUL byte; expected a text in UTF-8");
        return;
    }
    struct scan scan = {text_skip_byte_order_mark(text), file->name, 1, s->problems, 0};
    for (;;) {
        scan.order = s->count + 1;
        struct token t = scan_next(&scan);
        if (t.kind == TOKEN_INCLUDE)
            include(s, file, &t, depth);
        else if (t.kind == TOKEN_END ? depth > 0 || !add_token(s, t) : !add_token(s, t))
            return;
        if (t.kind == TOKEN_END)
            return;
    }
}

void source_read(struct source *s, const char *name, const char *text, bool no_files,
                 struct problems *problems) {
    *s = (struct source){.problems = problems, .no_files = no_files};
    struct source_file *file = add_file(s, strdup(name), NULL);
    if (!file)
        return;
    struct buf why;
    buf_init(&why, 4096);
    bool ok;
    if (text) {
        buf_add_string(&file->text, text);
        ok = buf_ok(&file->text);
        if (!ok)
            buf_add_string(&why, "is too large");
    } else {
        ok = file_read(name, &file->text, &file->facts, &why);
    }
    if (ok)
        read_tokens(s, file, 0);
    else
        problem_add(problems, (struct place){{file->name, 0}, 0}, "%s", buf_text(&why).at);
    buf_done(&why);
}

void source_free(struct source *s) {
    for (size_t i = 0; i < s->file_count; i++) {
        buf_wipe(&s->files[i]->text);
        if (!s->files[i]->named_elsewhere)
            free(s->files[i]->name);
        free(s->files[i]);
    }
    free(s->files);
    free(s->tokens);
    *s = (struct source){0};
}

char **source_take_names(struct source *s) {
    char **names = calloc(s->file_count + 1, sizeof *names);
    for (size_t i = 0; names && i < s->file_count; i++) {
        names[i] = s->files[i]->name;
        s->files[i]->named_elsewhere = true;
    }
    return names;
}

void source_check_modes(const struct source *s) {
    for (size_t i = 0; i < s->file_count; i++)
        if (s->files[i]->facts.mode & S_IWOTH)
            problem_add(s->problems, (struct place){{s->files[i]->name, 0}, 0},
                        "every user may write to it (mode %04o); expected chmod o-w",
                        (unsigned)(s->files[i]->facts.mode & 07777));
}

unsigned source_mode(const struct source *s, const char *name) {
    for (size_t i = 0; i < s->file_count; i++)
        if (s->files[i]->name == name)
            return s->files[i]->facts.mode;
    return 0;
}
