/* SPDX-License-Identifier: MIT */
/* Making and removing the demo's directory. */
#include "cli/demo_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char *make_directory(void) {
    const char *parent = getenv("TMPDIR");
    char *directory = NULL;
    if (!parent || parent[0] != '/')
        parent = "/tmp";
    if (asprintf(&directory, "%s/scoregate-demo-XXXXXX", parent) < 0)
        return NULL;
    if (mkdtemp(directory))
        return directory;
    free(directory);
    return NULL;
}

/* The path of a new file, or NULL. */
static char *make_file(const char *directory, const char *name, struct text content) {
    char *path = NULL;
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write(fd, content.at, content.len) == (ssize_t)content.len;
    if (fd >= 0 && close(fd) != 0)
        ok = false;
    if (ok)
        return path;
    if (fd >= 0)
        unlink(path);
    free(path);
    return NULL;
}

bool demo_files_make(struct demo_files *files, struct text ca, struct text request) {
    *files = (struct demo_files){.directory = make_directory()};
    if (files->directory)
        files->ca = make_file(files->directory, "ca.pem", ca);
    if (files->ca)
        files->request = make_file(files->directory, "request.json", request);
    if (!files->request)
        perror("scoregate demo: its files");
    return files->request;
}

static void remove_file(char **path) {
    if (*path)
        unlink(*path);
    free(*path);
    *path = NULL;
}

void demo_files_remove(struct demo_files *files) {
    remove_file(&files->ca);
    remove_file(&files->request);
    if (files->directory)
        rmdir(files->directory);
    free(files->directory);
    files->directory = NULL;
}
