/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/store/names.h - what may be a name in the database, and how long texts from devices get
 */
#include "base/error.h"

#define SWB_APPID_MAX 128
#define SWB_NAME_MAX 64 /* channel, group */
#define SWB_VERSION_MAX 64
#define SWB_MACHINEID_MAX 128
#define SWB_TEXT_MAX 512 /* a device's words about a failure */
#define SWB_FAULT_NAME_MAX 32
#define SWB_SLOT_NAME_MAX 32
#define SWB_REQUEST_ID_MAX 64

/* Channels and groups: 1 to SWB_NAME_MAX of [A-Za-z0-9._-]. USAGE; `what` for the message. */
int swb_name_check(const char *what, const char *name, struct swb_error *err) _warn_unused_;
/* 1 to SWB_VERSION_MAX of [A-Za-z0-9._+~-]: can be the version of a release. */
bool swb_is_release_version(const char *version);
/* 1 to `max` printable ASCII characters other than space. */
bool swb_is_plain_id(const char *text, size_t max);

/* Copies at most `max` bytes, cut between UTF-8 characters; `to` has room for max + 1. NULL is "".
 */
void swb_copy_bounded(char *to, const char *from, size_t max);
