/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/common.h - limits, numbers and comparisons that both ends of the protocol share
 *
 * Place:  contract between server and device; no I/O, no clock
 * Spec:   docs/spec/omaha.md
 */
#include <stdint.h>

#include "base/error.h"

/* OM-10: what a reader of ours takes, and no writer of ours exceeds. */
#define SWB_OMAHA_REQUEST_MAX_BYTES (64u << 10)
#define SWB_OMAHA_RESPONSE_MAX_BYTES (256u << 10)
#define SWB_OMAHA_DEPTH_MAX 8
#define SWB_OMAHA_ATTRIBUTES_MAX 64
#define SWB_OMAHA_ATTRIBUTE_MAX_BYTES 4096
#define SWB_OMAHA_APPS_MAX 64
#define SWB_OMAHA_EVENTS_MAX 64 /* of one app */
#define SWB_OMAHA_DATA_MAX 16   /* of one app */
#define SWB_OMAHA_URLS_MAX 16   /* of one answer; the reader ignores further ones */

/* A day count that the other side did not send, or does not know. */
#define SWB_OMAHA_DAYS_UNKNOWN (-2)
#define SWB_OMAHA_DAYS_NEVER (-1)

/* The numbers that we act upon. Others are stored and shown as they came. */
enum swb_omaha_event_type {
        SWB_OMAHA_EVENT_UNKNOWN = 0,
        SWB_OMAHA_EVENT_DOWNLOAD_COMPLETE = 1,
        SWB_OMAHA_EVENT_INSTALL_COMPLETE = 2,
        SWB_OMAHA_EVENT_UPDATE_COMPLETE = 3,
        SWB_OMAHA_EVENT_DOWNLOAD_STARTED = 5,
        SWB_OMAHA_EVENT_UPDATE_DOWNLOAD_STARTED = 13,
        SWB_OMAHA_EVENT_UPDATE_DOWNLOAD_FINISHED = 14,
        SWB_OMAHA_EVENT_REBOOTED_AFTER_UPDATE = 54,
        SWB_OMAHA_EVENT_INSTALLED_HELD_BACK = 800,
};

enum swb_omaha_event_result {
        SWB_OMAHA_RESULT_ERROR = 0,
        SWB_OMAHA_RESULT_SUCCESS = 1,
        SWB_OMAHA_RESULT_SUCCESS_REBOOT = 2,
        SWB_OMAHA_RESULT_CANCELLED = 4,
        SWB_OMAHA_RESULT_NOUPDATE = 7,
        SWB_OMAHA_RESULT_DEFERRED = 9,
};

/* "download started", "success" …; "event N", "result N" would need a buffer, so unknown numbers
 * are "other". */
const char *swb_omaha_event_type_to_string(int type);
const char *swb_omaha_event_result_to_string(int result);
/* Did the step that this event reports fail (error, or one of the installer errors)? */
bool swb_omaha_event_result_is_failure(int result);

/*
 * OM-21: error codes. The upper four bits are flags (development mode, resumed, test image, test
 * server) unless the number is negative; swb_omaha_errorcode_base() takes them off.
 */
int32_t swb_omaha_errorcode_base(int32_t errorcode);
/* A few words for a person: "payload hash mismatch", "HTTP status 503" needs `text`
 * (SWB_OMAHA_ERRORCODE_TEXT bytes). Returns text. */
#define SWB_OMAHA_ERRORCODE_TEXT 64
const char *swb_omaha_errorcode_describe(int32_t errorcode, char *text);
/* The code under which servers of this protocol know a failure of ours; http_status only for
 * SWB_FAULT_HTTP. 0 for SWB_FAULT_NONE. */
int32_t swb_omaha_errorcode_from_fault(enum swb_fault fault, int http_status);

/* OM-5: application ids are equal without regard to case and to one pair of braces around them. */
bool swb_omaha_appid_equal(const char *a, const char *b);
/* Lower case, without braces: equal exactly when the ids are. `text` has room for size bytes;
 * -E2BIG when it does not fit, -EINVAL for an empty id. */
int swb_omaha_appid_normalize(const char *appid, char *text, size_t size) _warn_unused_;

/* OM-8: component by component: "1.2.3" and "1.2.3." match 1.2.3 and 1.2.3.4, never 1.2.34;
 * "1.2.3$" matches that version only; "" matches everything. */
bool swb_omaha_version_has_prefix(const char *version, const char *prefix);
/* "", "0", "0.0.0.0": no version at all. */
bool swb_omaha_version_is_zero(const char *version);

/* OM-12: the server's day, in UTC. */
void swb_omaha_daystart(int64_t unix_seconds, uint64_t *ret_elapsed_seconds,
                        uint64_t *ret_elapsed_days);
