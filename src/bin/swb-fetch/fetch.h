/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-fetch/fetch.h - what the verbs of swb-fetch share */
#include "base/options.h"
#include "os/http.h"

/* Options of all verbs. */
struct fetch_options {
        const char *control, *user, *ca_file, *answer_keys;
        uint64_t connect_timeout_usec;
        bool verbose;
};

extern struct fetch_options fetch_options;
extern const struct swb_opt cmd_check_options[], cmd_report_options[], cmd_get_options[],
        cmd_look_options[], cmd_reach_options[];

int cmd_check(int n_args, char **args, struct swb_error *err);
int cmd_report(int n_args, char **args, struct swb_error *err);
int cmd_look(int n_args, char **args, struct swb_error *err);
int cmd_reach(int n_args, char **args, struct swb_error *err);
int cmd_get(int n_args, char **args, struct swb_error *err);

/* The part of it that comes from the common options. */
struct swb_http_config fetch_http_config(void);
