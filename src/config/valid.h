/* SPDX-License-Identifier: MIT */
/* What a string of the configuration may be. Each says whether T is one; the words for people stand
 * in the table of options. */
#pragma once

#include "base/parse.h"
#include "base/text.h"

#include <stdbool.h>

/* A numeric IPv4 or IPv6 address without brackets or zone. */
bool valid_address(struct text t);
/* The path of a unix socket: absolute, fits a sockaddr_un. */
bool valid_socket_path(struct text t);
/* A FileDescriptorName= as systemd takes it. */
bool valid_socket_name(struct text t);
/* A DNS name (letters, digits, '-', '_'; labels up to 63 bytes, no dot at the end) or an IP address
 * without brackets. */
bool valid_host(struct text t);
/* Pins as CURLOPT_PINNEDPUBLICKEY takes them, SHA-256 only. */
bool valid_pin(struct text t);
/* TYPE/SUBTYPE, perhaps with parameters (RFC 9110 section 8.3.1). */
bool valid_media_type(struct text t);
/* A field value without leading blanks; empty is fine. */
bool valid_value(struct text t);
/* A field that set_headers may set: a token, and none that concerns framing, the connection, or
 * what the gateway itself writes. */
bool valid_set_header(struct text t);
/* The same for a field that carries a credential. */
bool valid_auth_header(struct text t);
/* A field whose value is a credential by its name, and so not to be shown. */
bool valid_is_secret_header(struct text name);
/* "*" or an origin. */
bool valid_origin(struct text t);

/* An ID of Azure (a GUID, a tenant's domain name): visible ASCII without slashes, no dot segment.
 */
bool valid_id(struct text t);
/* A name of a thing in Azure: the same, letters of all scripts besides. */
bool valid_resource(struct text t);
/* "/subscriptions/…": visible ASCII. */
bool valid_resource_id(struct text t);
/* What a token of the client credentials grant is for: RESOURCE "/.default". */
bool valid_scope(struct text t);
/* YYYY-MM-DD, perhaps with "-preview". */
bool valid_api_version(struct text t);
/* A name or a version of a secret of Key Vault. */
bool valid_vault_name(struct text t);
