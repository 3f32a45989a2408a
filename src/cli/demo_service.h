/* SPDX-License-Identifier: MIT */
/* The demo's stand-in for Azure: TLS 1.2 on a port of 127.0.0.1 that the kernel chooses, and behind
 * it the token service of demo_entra.h, which is its own authority, and a scoring endpoint that
 * wants one of its tokens: POST /score with the diabetes model, GET /swagger.json, and errors in
 * the form of Azure's. It runs in a thread of its own. */
#pragma once

#include "base/macros.h"
#include "cli/demo_entra.h"

#include <stdint.h>

struct demo_service;

/* Starts it: CERTIFICATE and PRIVATE_KEY are PEM and copied; ENTRA stays the caller's and must not
 * change. The thread inherits the signal mask. NULL if it cannot start: stderr says why. */
struct demo_service *demo_service_start(const char *certificate, const char *private_key,
                                        const struct demo_entra *entra) MUST_CHECK;
uint16_t demo_service_port(const struct demo_service *service);
/* Ends it with every connection (NULL is fine), and sets *SERVICE to NULL. */
void demo_service_stop(struct demo_service **service);
