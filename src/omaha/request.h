/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/request.h - what a device says to the server, both directions
 *
 * Place:  contract between server and device; sans-I/O
 * Spec:   docs/spec/omaha.md OM-1 … OM-9, OM-20
 *
 * Texts: after parsing they are owned by the request and never NULL, "" when the attribute is
 * absent (exceptions are marked). For writing they are the caller's, and NULL or "" leaves the
 * attribute out.
 */
#include "base/buf.h"
#include "omaha/common.h"

struct swb_omaha_event {
        int32_t type;   /* enum swb_omaha_event_type, or any other number */
        int32_t result; /* enum swb_omaha_event_result, or any other number */
        int32_t errorcode;
        const char *previousversion;
        const char *nextversion;
        /* Our own attributes, `_fault`, `_text`, `_slot`: stable fault name, what happened in
         * words, the slot it concerns. */
        const char *fault;
        const char *text;
        const char *slot;
};

struct swb_omaha_ping {
        bool active;
        int32_t a, r;   /* days since the last active / roll-call ping */
        int32_t ad, rd; /* the server's day of the last ones */
};

#define SWB_OMAHA_PING_INIT                                                                        \
        ((struct swb_omaha_ping){.a = SWB_OMAHA_DAYS_UNKNOWN,                                      \
                                 .r = SWB_OMAHA_DAYS_UNKNOWN,                                      \
                                 .ad = SWB_OMAHA_DAYS_UNKNOWN,                                     \
                                 .rd = SWB_OMAHA_DAYS_UNKNOWN})

struct swb_omaha_update_check {
        const char *targetversionprefix;
        bool rollback_allowed;
        bool sameversionupdate;
        bool updatedisabled;
};

struct swb_omaha_data {
        const char *name;
        const char *index;
};

struct swb_omaha_app {
        const char *appid;
        const char *version;
        const char *track, *from_track; /* wanted channel; the one it leaves */
        const char *from_version;
        const char *board, *hardware_class;
        const char *machineid;
        const char *bootid, *oem, *oemversion, *lang;
        const char *reads; /* ours, `_reads`: abilities.h */
        bool delta_okay;
        const char *cohort, *cohorthint, *cohortname; /* NULL when absent */

        bool has_ping;
        struct swb_omaha_ping ping;
        bool has_update_check;
        struct swb_omaha_update_check update_check;
        struct swb_omaha_event *events;
        size_t n_events;
        struct swb_omaha_data *data;
        size_t n_data;
};

struct swb_omaha_os {
        const char *platform, *version, *sp, *arch;
};

struct swb_omaha_request {
        const char *protocol; /* "3.0"; written so when NULL */
        const char *updater, *updaterversion;
        const char *installsource; /* "ondemandupdate" (a person asked) or "scheduler" */
        const char *requestid, *sessionid;
        const char *userid;
        const char *testsource; /* not empty: must not count */
        bool ismachine;
        bool has_os;
        struct swb_omaha_os os; /* the first, if there are several */
        struct swb_omaha_app *apps;
        size_t n_apps;
        void *memory; /* of a parsed request, private */
};

/*
 * Server side. Return: 0; FORMAT (-EBADMSG) malformed, or an app without an appid; LIMIT (-E2BIG)
 * above a number of omaha/common.h; UNSUPPORTED (-EPROTONOSUPPORT) not protocol 3.0, or not UTF-8.
 * Unknown elements and attributes are skipped. No app at all is fine.
 */
int swb_omaha_request_parse(const void *body, size_t n_bytes, struct swb_omaha_request **ret,
                            struct swb_error *err) _warn_unused_;
/* Only for a parsed request. */
struct swb_omaha_request *swb_omaha_request_free(struct swb_omaha_request *request);
SWB_DEFINE_CLEANUP(struct swb_omaha_request *, swb_omaha_request_free)
/* Memory that a parsed request holds. */
size_t swb_omaha_request_bytes(const struct swb_omaha_request *request);

/* Client side: appends the body. LIMIT when it does not fit into the buffer, NO_MEMORY. */
int swb_omaha_request_write(const struct swb_omaha_request *request, struct swb_buf *buf,
                            struct swb_error *err) _warn_unused_;
