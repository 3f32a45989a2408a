/* SPDX-License-Identifier: MIT */
/* OpenSSL when memory is short. Much of it is set up once per process, or once per certificate, and
 * what fails then is not tried again: no random numbers, a cipher that is not there, an authority
 * whose key cannot be read, for as long as the process lives. So all of it is set up at the start,
 * and who relies on it asks whether memory was refused meanwhile. */
#pragma once

/* First of all in main(): OpenSSL tells of refusals from here on. */
void crypto_watch_memory(void);
/* Sets up what connections will need. Before threads start. */
void crypto_prepare(void);
/* How often OpenSSL was refused memory so far, in any thread. */
unsigned long crypto_refusals(void);
