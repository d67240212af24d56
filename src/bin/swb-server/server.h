/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/server.h - what the verbs share: global options, actions, the database */
#include "base/json_writer.h"
#include "base/options.h"
#include "server/store/apps.h"
#include "server/store/db.h"

struct server_options {
        const char *data;
        const char *store;                         /* NULL: in the data folder */
        const char *server, *token_file, *ca_file; /* NULL: works on `data` */
        bool verbose;
};

extern struct server_options server_options;

extern const struct swb_opt cmd_serve_options[], cmd_publish_options[], cmd_app_options[],
        cmd_release_options[], cmd_channel_options[], cmd_group_options[], cmd_devices_options[],
        cmd_events_options[], cmd_rollout_options[], cmd_explain_options[], cmd_token_options[],
        cmd_user_options[], cmd_audit_options[], cmd_job_options[], cmd_webhook_options[],
        cmd_backup_options[], cmd_device_options[], cmd_egress_options[], cmd_image_options[],
        cmd_import_options[], cmd_mirror_options[];

int cmd_serve(int n_args, char **args, struct swb_error *err);
int cmd_publish(int n_args, char **args, struct swb_error *err);
int cmd_app(int n_args, char **args, struct swb_error *err);
int cmd_release(int n_args, char **args, struct swb_error *err);
int cmd_channel(int n_args, char **args, struct swb_error *err);
int cmd_group(int n_args, char **args, struct swb_error *err);
int cmd_device(int n_args, char **args, struct swb_error *err);
int cmd_devices(int n_args, char **args, struct swb_error *err);
int cmd_explain(int n_args, char **args, struct swb_error *err);
int cmd_rollout(int n_args, char **args, struct swb_error *err);
int cmd_token(int n_args, char **args, struct swb_error *err);
int cmd_user(int n_args, char **args, struct swb_error *err);
int cmd_job(int n_args, char **args, struct swb_error *err);
int cmd_webhook(int n_args, char **args, struct swb_error *err);
int cmd_audit(int n_args, char **args, struct swb_error *err);
int cmd_backup(int n_args, char **args, struct swb_error *err);
int cmd_image(int n_args, char **args, struct swb_error *err);
int cmd_mirror(int n_args, char **args, struct swb_error *err);
int cmd_import_nebraska(int n_args, char **args, struct swb_error *err);
int cmd_egress(int n_args, char **args, struct swb_error *err);
int cmd_events(int n_args, char **args, struct swb_error *err);

/* The server's database, as the options name it. */
int server_open_db(enum swb_db_mode mode, struct swb_db **ret, struct swb_error *err) _warn_unused_;
/* What --store says, or its default. */
const char *server_store(void);

/* A verb's own verbs: "release list", "release remove VERSION" … */
struct client_action {
        const char *name;
        int n_args; /* that must follow */
        int (*run)(char **args, struct swb_error *err);
};

/* Runs the action that args[0] names; `actions` ends with a NULL name. */
int client_run_action(const struct client_action *actions, int n_args, char **args,
                      struct swb_error *err) _warn_unused_;

#define SERVER_PACK_PROGRAM "/usr/bin/swb-pack"
