/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* generator/layout/checks.h - inside this folder: the parts of an audit */
#include "generator/layout/audit.h"
#include "generator/layout/mounts.h"
#include "generator/layout/tree.h"

struct swb_inspection {
        const struct swb_audit *audit;
        struct swb_tree *tree;
        struct swb_mounts mounts;
        struct swb_flaws *flaws;
        int error; /* -ENOMEM sticks */
};

void swb_inspection_add(struct swb_inspection *in, enum swb_flaw_kind kind, const char *format, ...)
        _printf_(3, 4);
/* Text of a file of the image, "" if there is none; free() it. NULL after an error. */
char *swb_inspection_read(struct swb_inspection *in, const char *path);
/* Would a write there go anywhere else than into the image? Follows links. */
bool swb_inspection_is_writable(struct swb_inspection *in, const char *path);

void swb_check_file_system(struct swb_inspection *in);
void swb_check_mounts(struct swb_inspection *in);
void swb_check_etc(struct swb_inspection *in);
void swb_check_units(struct swb_inspection *in);
void swb_check_files(struct swb_inspection *in);
