/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-fetch/exchange.h - what the verbs check and report have in common */
#include "bin/swb-fetch/fetch.h"
#include "device/fetch/exchange.h"

struct exchange_options {
        struct swb_opt_list events;
        const char *previous_version;
        struct swb_exchange_config config;
};

/* Parses the events, runs the exchange, tells the outcome. Return: exit status, or < 0. */
int exchange_run(struct exchange_options *options, struct swb_error *err) _warn_unused_;
