/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* server/import/internal.h - what the parts of an import share */
#include "server/import/import.h"
#include "server/store/apps.h"
#include "server/store/payload_files.h"
#include "server/store/releases.h"

/* Nebraska's numbers. */
enum swb_nebraska_arch {
        SWB_NEBRASKA_ALL,
        SWB_NEBRASKA_AMD64,
        SWB_NEBRASKA_AARCH64,
        SWB_NEBRASKA_X86,
        _SWB_NEBRASKA_ARCH_MAX,
};

struct swb_import {
        const struct swb_import_options *options;
        const struct swb_nebraska *nebraska;
        struct swb_db *db;
        struct swb_import_result result;
        int64_t now;
        json_t *files;         /* package's id -> what import_files found, see there */
        json_t *channel_names; /* channel's id -> its name here, of the app in work */
        struct swb_app app;    /* in work */
        const char *app_id;    /* Nebraska's, of the app in work */
        uint64_t arch;         /* of the app in work; 0: all of it */
};

/* A package that can be a release: its file is known. NULL: it is left out. */
const json_t *swb_import_file(const struct swb_import *import, const json_t *package);
/* Is the object one of the app in work, and of an architecture that is imported? */
bool swb_import_takes(const struct swb_import *import, const json_t *object);

/* Looks for the file of each package of the app in work, compares it, and with `apply` stores it.
 */
int swb_import_files(struct swb_import *import, struct swb_error *err) _warn_unused_;
/* Inside a transaction: the rows of the app in work. */
int swb_import_releases(struct swb_import *import, struct swb_error *err) _warn_unused_;
int swb_import_channels(struct swb_import *import, struct swb_error *err) _warn_unused_;
int swb_import_groups(struct swb_import *import, struct swb_error *err) _warn_unused_;

/* Tells and counts a change ("create", "change") or that there is none (NULL), and writes the audit
 * log. `kind`: "release"; `name` as the store has it. */
int swb_import_done(struct swb_import *import, const char *kind, const char *name, const char *what,
                    const char *more, struct swb_error *err) _warn_unused_;
void swb_import_left_out(struct swb_import *import, const char *kind, const char *name,
                         const char *why);
void swb_import_say(const struct swb_import *import, const char *format, ...) _printf_(2, 3);

/* A name that may stand in the store (SWB_NAME_MAX + 1 bytes), as near to `from` as it can be. */
void swb_import_name(char *to, const char *from);
