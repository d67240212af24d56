/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-pack/commands.h - the verbs, one file each */
#include "base/options.h"

extern const struct swb_opt swb_full_options[], swb_delta_options[], swb_inspect_options[],
        swb_verify_options[], swb_apply_options[], swb_keygen_options[], swb_sign_options[],
        swb_verity_options[], swb_explain_options[], swb_check_image_options[],
        swb_make_image_options[], swb_diff_report_options[];

int swb_cmd_full(int n_args, char **args, struct swb_error *err);
int swb_cmd_delta(int n_args, char **args, struct swb_error *err);
int swb_cmd_inspect(int n_args, char **args, struct swb_error *err);
int swb_cmd_verify(int n_args, char **args, struct swb_error *err);
int swb_cmd_apply(int n_args, char **args, struct swb_error *err);
int swb_cmd_keygen(int n_args, char **args, struct swb_error *err);
int swb_cmd_sign(int n_args, char **args, struct swb_error *err);
int swb_cmd_explain(int n_args, char **args, struct swb_error *err);
int swb_cmd_diff_report(int n_args, char **args, struct swb_error *err);
int swb_cmd_verity(int n_args, char **args, struct swb_error *err);
int swb_cmd_check_image(int n_args, char **args, struct swb_error *err);
int swb_cmd_make_image(int n_args, char **args, struct swb_error *err);
