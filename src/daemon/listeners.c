/* SPDX-License-Identifier: MIT */
/* The listeners of daemon/listeners.h. */
#include "daemon/listeners.h"

#include "base/buf.h"
#include "base/log.h"
#include "sys/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int open_one(const struct config_listen *c) {
    switch (c->kind) {
    case LISTEN_TCP:
        return listen_tcp(c->address, c->port);
    case LISTEN_UNIX:
        return listen_unix(c->path, c->mode, c->group);
    case LISTEN_SYSTEMD:
        return listen_take_systemd(c->name);
    case LISTEN_OFF:
        break;
    }
    errno = EINVAL;
    return -1;
}

static const char *what(const struct config_listen *c) {
    return c->kind == LISTEN_UNIX ? c->path : c->kind == LISTEN_SYSTEMD ? c->name : c->address;
}

static bool add(struct listeners *l, const struct config_listen *c, bool admin) {
    struct listener *new = &l->at[l->count];
    *new = (struct listener){.config = c, .admin = admin, .fd = open_one(c)};
    if (new->fd < 0) {
        log_error("cannot listen", LOG_STRING("address", what(c)), LOG_NUMBER("port", c->port),
                  LOG_STRING("error", c->kind == LISTEN_SYSTEMD && errno == ENOENT
                                          ? "systemd passed no socket of this name"
                                          : strerror(errno)));
        return false;
    }
    l->count++;
    new->bound.admin = admin;
    if (listen_name(new->fd, new->bound.address, sizeof new->bound.address, &new->bound.port,
                    &new->bound.is_unix))
        return true;
    log_error("cannot tell where a listener is", LOG_STRING("address", what(c)));
    return false;
}

bool listeners_open(struct listeners *l, const struct config *config) {
    *l = (struct listeners){.at = calloc(config->listen_count + 1, sizeof *l->at)};
    bool ok = l->at != NULL;
    for (size_t i = 0; ok && i < config->listen_count; i++)
        ok = add(l, &config->listen[i], false);
    if (ok && config->admin.kind != LISTEN_OFF)
        ok = add(l, &config->admin, true);
    if (!ok)
        listeners_close(l);
    return ok;
}

static void close_one(struct listener *l) {
    if (l->fd < 0)
        return;
    close(l->fd);
    l->fd = -1;
    if (l->config->kind == LISTEN_UNIX)
        unlink(l->config->path);
}

void listeners_refuse(struct listeners *l) {
    for (size_t i = 0; i < l->count; i++)
        if (!l->at[i].admin)
            close_one(&l->at[i]);
}

void listeners_close(struct listeners *l) {
    for (size_t i = 0; i < l->count; i++)
        close_one(&l->at[i]);
    free(l->at);
    *l = (struct listeners){0};
}

static bool write_whole(const char *file, struct text content) {
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool ok = write(fd, content.at, content.len) == (ssize_t)content.len;
    return close(fd) == 0 && ok;
}

bool listeners_write(const struct listeners *l, const char *file) {
    struct buf lines, temporary;
    buf_init(&lines, 64 * 1024);
    buf_init(&temporary, 4096);
    for (size_t i = 0; i < l->count; i++) {
        const struct bound *b = &l->at[i].bound;
        const char *name = b->admin ? "admin" : "main";
        if (b->is_unix)
            buf_addf(&lines, "%s unix %s\n", name, b->address);
        else
            buf_addf(&lines, "%s %s %u\n", name, b->address, b->port);
    }
    buf_addf(&temporary, "%s.%ld", file, (long)getpid());
    bool ok = buf_ok(&lines) && buf_ok(&temporary) && write_whole(temporary.at, buf_text(&lines)) &&
              rename(temporary.at, file) == 0;
    if (!ok)
        log_error("cannot write the listen file", LOG_STRING("file", file),
                  LOG_STRING("error", strerror(errno)));
    buf_done(&lines);
    buf_done(&temporary);
    return ok;
}
