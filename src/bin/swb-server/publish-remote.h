/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* bin/swb-server/publish-remote.h - `publish` of a payload by --server */
#include "bin/swb-server/publish-image.h"
#include "server/publish/publish.h"

/* Sends the payload piece by piece, then has it published. identity and name are not used. */
int publish_remote(const struct swb_publish_options *options, struct swb_publish_result *ret,
                   struct swb_error *err) _warn_unused_;
/* Sends the image, and has the server make its payloads in a job: signed with the server's keys. */
int publish_image_remote(const char *path, const struct publish_image_options *options,
                         struct swb_error *err) _warn_unused_;
