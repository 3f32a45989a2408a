/* SPDX-License-Identifier: MIT */
/* Listening sockets: TCP, unix, and those that systemd passes. */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Each returns a non-blocking, close-on-exec listening descriptor, or -1 with errno set. */
int listen_tcp(const char *address, uint16_t port);
/* Replaces a socket that nobody listens on any more, and never one that somebody does (EADDRINUSE).
 * GROUP (gid_t)-1: left as it is. */
int listen_unix(const char *path, mode_t mode, gid_t group);
/* Gives the socket at PATH to GROUP and changes its mode. False with errno set. */
bool listen_adjust_unix(const char *path, mode_t mode, gid_t group) MUST_CHECK;
/* The first socket that systemd passed under NAME (sd_listen_fds(3)) and nobody took yet; ENOENT if
 * there is none. */
int listen_take_systemd(const char *name);
/* Gives it back: it stays open, as it does with systemd, and may be taken again. */
void listen_return_systemd(int fd);

/* Where a listening socket is bound: numeric address or path, and port (0 for unix). */
bool listen_name(int fd, char *address, size_t size, uint16_t *port, bool *is_unix) MUST_CHECK;
