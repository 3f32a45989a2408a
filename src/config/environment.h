/* SPDX-License-Identifier: MIT */
/* What the environment says besides the { env } values: the egress proxy. */
#pragma once

#include "config/fill.h"

/* Takes no_proxy, and https_proxy if the file does not say GIVEN, from the environment, the names
 * in small letters first as curl does. */
void environment_proxy(struct fill *f, bool given);
