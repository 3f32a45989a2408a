/* SPDX-License-Identifier: MIT */
/* The demo's stand-in for an Azure ML scoring endpoint: TLS 1.2 on a port of 127.0.0.1 that the
 * kernel chooses, a key as the bearer, POST /score with the diabetes model behind it, GET
 * /swagger.json, and errors in the form of Azure's scoring server. It runs in a thread of its own.
 */
#pragma once

#include "base/macros.h"

#include <stdint.h>

struct demo_service;

/* Starts it: CERTIFICATE and PRIVATE_KEY are PEM, KEY is what callers must present; all are copied.
 * The thread inherits the signal mask. NULL if it cannot start: stderr says why. */
struct demo_service *demo_service_start(const char *certificate, const char *private_key,
                                        const char *key) MUST_CHECK;
uint16_t demo_service_port(const struct demo_service *service);
/* Ends it with every connection (NULL is fine), and sets *SERVICE to NULL. */
void demo_service_stop(struct demo_service **service);
