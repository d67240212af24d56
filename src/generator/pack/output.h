/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * generator/pack/output.h - a file that appears under its name only when it is whole
 *
 * It is written without a name (O_TMPFILE) where the file system can do that, so that a killed
 * process leaves nothing; elsewhere (some network file systems) under a hidden temporary name,
 * which then stays behind. The final name is given by a rename, after fsync.
 */
#include <stdint.h>

#include "base/error.h"

struct swb_output;

int swb_output_new(const char *path, struct swb_output **ret, struct swb_error *err) _warn_unused_;
/* Without commit: the file is gone. */
struct swb_output *swb_output_free(struct swb_output *output);
SWB_DEFINE_CLEANUP(struct swb_output *, swb_output_free)

int swb_output_fd(const struct swb_output *output);
/* The name it will have, for messages. */
const char *swb_output_path(const struct swb_output *output);
/* A path under which this process can open it before the commit; `text` has room for 64. */
const char *swb_output_current_path(const struct swb_output *output, char *text);

/* Replaces a file of that name, if there is one. Return: 0, IO, NO_SPACE. */
int swb_output_commit(struct swb_output *output, struct swb_error *err) _warn_unused_;

/* A file for reading and writing without a name in `folder`. */
int swb_open_unnamed(const char *folder, int *ret_fd, struct swb_error *err) _warn_unused_;
/* The folder of a path ("." if it has none); owned by the caller, NULL when out of memory. */
char *swb_folder_of(const char *path);
