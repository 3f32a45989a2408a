/* SPDX-License-Identifier: MIT */
/* A trust configuration: whom to believe when an upstream shows its certificate, and what to show
 * it. The CA store is loaded once, here, and shared by every connection of every thread: loading
 * Debian's bundle costs 20 ms. Immutable and counted by reference. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "config/config.h"

struct trust;

/* A trust from the tls settings, or NULL with a sentence in ERROR (CA file missing or without a
 * certificate, client certificate that does not fit its key). Without ca_file: the system's bundle.
 */
struct trust *trust_new(const struct config_tls *tls, struct buf *error) MUST_CHECK;
/* A trust in the authorities of PEM alone, or NULL with a sentence in ERROR: none in it, or
 * something that is no certificate. */
struct trust *trust_new_pem(struct text pem, struct buf *error) MUST_CHECK;
struct trust *trust_ref(struct trust *t);
void trust_unref(struct trust **t);

/* The settings that it was made of; owned by the trust. */
const struct config_tls *trust_tls(const struct trust *t);
/* Whether it was made of settings equal to TLS. */
bool trust_is_of(const struct trust *t, const struct config_tls *tls);
/* Whether the files of its settings are those that it was made of, by what stat(2) tells. */
bool trust_is_current(const struct trust *t);

/* Sets up SSL_CTX (an OpenSSL SSL_CTX *) for a connection under this trust: its CA store, partial
 * writes, no renegotiation, tickets for resumption. */
void trust_prepare(struct trust *t, void *ssl_ctx);
/* Lets an SSL * read more than one record at once: one recv(2) for a record instead of two. Only
 * for who reads until nothing comes; libcurl's own transfers wait for the descriptor although
 * OpenSSL holds the next record. */
void trust_read_ahead(void *ssl);

/* What libcurl does not tell about an SSL *: whether the peer ended TLS in good order
 * (close_notify), and whether bytes wait inside OpenSSL that the descriptor does not show. */
bool trust_closed_cleanly(const void *ssl);
bool trust_has_pending(const void *ssl);
/* The same for an SSL * that will be gone when one comes to ask. NULL: out of memory. */
struct trust_end;
struct trust_end *trust_end_watch(void *ssl) MUST_CHECK;
bool trust_end_was_clean(const struct trust_end *end);
void trust_end_free(struct trust_end **end); /* NULL is fine */
