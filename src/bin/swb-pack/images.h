/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-pack/images.h - partitions as the command line names them */
#include "base/options.h"
#include "payload/format.h"

#define SWB_IMAGES_DEFAULT_NAME "root" /* of an image given without a name */

struct swb_images {
        struct {
                const char *name;
                const char *old_path; /* NULL: none given */
                const char *new_path; /* NULL: none given */
        } items[SWB_PARTITIONS_MAX];
        size_t n;
        char *texts[SWB_PARTITIONS_MAX]; /* owns the strings above */
};

enum swb_images_form {
        SWB_IMAGES_NEW,     /* NAME=NEW */
        SWB_IMAGES_OLD,     /* NAME=OLD */
        SWB_IMAGES_OLD_NEW, /* NAME=OLD:NEW */
        SWB_IMAGES_ANY_NEW, /* NAME=NEW or NAME=OLD:NEW */
};

void swb_images_done(struct swb_images *images);
/* From --partition options. USAGE for a wrong form or a name given twice. */
int swb_images_parse(struct swb_images *images, const struct swb_opt_list *list,
                     enum swb_images_form form, struct swb_error *err) _warn_unused_;
/* From arguments: one partition with the default name. USAGE if there are others already. */
int swb_images_add(struct swb_images *images, const char *old_path, const char *new_path,
                   struct swb_error *err) _warn_unused_;
