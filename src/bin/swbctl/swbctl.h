/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swbctl/swbctl.h - what the verbs of swbctl share */
#include "base/options.h"
#include "bin/swbctl/screen.h"
#include "bin/swbctl/when.h"

/* Looks at the engine after each change. Return: > 0 it is over, 0 go on, < 0 it is over, with err.
 */
typedef int (*is_over_t)(void *context, const struct view *view, struct swb_error *err);

/* Follows the engine until it is over, on a screen if there is one. Return: what is_over said, or
 * < 0. */
int follow(struct client *client, struct screen *screen, is_over_t is_over, void *context,
           struct swb_error *err) _warn_unused_;

extern const struct swb_opt cmd_status_options[], cmd_check_options[], cmd_install_options[],
        cmd_doctor_options[], cmd_repair_options[];
extern const struct swb_opt cmd_inhibit_options[], cmd_why_options[], cmd_history_options[];

int cmd_status(int n_args, char **args, struct swb_error *err);
int cmd_check(int n_args, char **args, struct swb_error *err);
int cmd_install(int n_args, char **args, struct swb_error *err);
int cmd_repair(int n_args, char **args, struct swb_error *err);
int cmd_cancel(int n_args, char **args, struct swb_error *err);
int cmd_reboot(int n_args, char **args, struct swb_error *err);
int cmd_doctor(int n_args, char **args, struct swb_error *err);
int cmd_pause(int n_args, char **args, struct swb_error *err);
int cmd_resume(int n_args, char **args, struct swb_error *err);
int cmd_defer(int n_args, char **args, struct swb_error *err);
int cmd_inhibit(int n_args, char **args, struct swb_error *err);
int cmd_rollback(int n_args, char **args, struct swb_error *err);
int cmd_mark_good(int n_args, char **args, struct swb_error *err);
int cmd_mark_bad(int n_args, char **args, struct swb_error *err);
int cmd_channel(int n_args, char **args, struct swb_error *err);
int cmd_why(int n_args, char **args, struct swb_error *err);
int cmd_history(int n_args, char **args, struct swb_error *err);
