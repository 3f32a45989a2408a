/* SPDX-License-Identifier: MIT */
/* Reading one value into its field, by the type of its key. */
#pragma once

#include "config/fill.h"

/* Reads NODE, the value of OPTION, into FIELD. What is wrong is told, and FIELD left as it was. */
typedef void value_reader(struct fill *f, const struct option *option, const struct node *node,
                          void *field);

/* Numbers, strings and lists of them: values.c. */
value_reader value_bool, value_number, value_number_or, value_choice, value_string, value_file,
    value_methods, value_mode;
/* As many strings as there are, with their number in COUNT. */
void value_strings(struct fill *f, const struct option *option, const struct node *node,
                   char ***field, size_t *count);
/* The same of numbers. */
void value_numbers(struct fill *f, const struct option *option, const struct node *node,
                   unsigned **field, size_t *count);
/* The elements of a value that may be a list or stand for a list of one. */
const struct node *value_elements(const struct node *node, size_t *count);

/* Users, groups and addresses: values_access.c. */
value_reader value_unix_group, value_clients, value_users;

/* URLs of Azure's services, and times: values_azure.c. */
value_reader value_base_url, value_time;

/* Secrets, URIs and header fields: values_route.c. */
value_reader value_secret, value_uri, value_proxy;
void value_headers(struct fill *f, const struct option *option, const struct node *node,
                   struct config_header **field, size_t *count);
