/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * omaha/response.h - what the server answers, both directions
 *
 * Place:  contract between server and device; sans-I/O
 * Spec:   docs/spec/omaha.md OM-11 … OM-19
 *
 * Texts: as in omaha/request.h.
 */
#include "base/buf.h"
#include "omaha/request.h"

#define SWB_OMAHA_STATUS_OK "ok"
#define SWB_OMAHA_STATUS_NOUPDATE "noupdate"
#define SWB_OMAHA_STATUS_UNKNOWN_APP "error-unknownApplication"
#define SWB_OMAHA_STATUS_INTERNAL "error-internal"
#define SWB_OMAHA_STATUS_INVALID_ARGS "error-invalidargs"
#define SWB_OMAHA_STATUS_NO_DATA "error-nodata"

struct swb_omaha_package {
        const char *name;
        uint64_t size;           /* bytes */
        const char *hash;        /* SHA-1, base64: for old clients only */
        const char *hash_sha256; /* hex; the reader also takes base64 */
        const char *fp;
};

struct swb_omaha_postinstall {
        const char *sha256; /* base64 */
        bool is_delta;
        uint64_t metadata_size;         /* bytes; 0 = not given */
        const char *metadata_signature; /* base64 */
        const char *deadline;           /* not empty: urgent */
        const char *priority;           /* ours: "low", "high"; "": normal */
        uint64_t attempt;               /* ours: of this version; 0: not given */
        bool disable_backoff;
        uint64_t max_failures; /* per URL; 0 = not given */
};

struct swb_omaha_offer {
        const char *status;     /* "ok", "noupdate", or an error */
        const char *info;       /* reason, for people and logs */
        uint64_t poll_interval; /* seconds; 0 = not given */
        bool rollback;
        bool invalidate; /* with "noupdate": drop what is installed and does not run yet */

        const char *codebases[SWB_OMAHA_URLS_MAX]; /* the writer adds a "/" at the end if there is
                                                      none */
        size_t n_codebases;
        const char *version;
        bool has_package;
        struct swb_omaha_package package; /* the first */
        bool has_postinstall;
        struct swb_omaha_postinstall postinstall;

        uint8_t sha256[32]; /* parsed and checked by swb_omaha_response_app(), not written */
};

struct swb_omaha_data_answer {
        const char *name, *index, *status;
};

struct swb_omaha_app_answer {
        const char *appid; /* exactly as received */
        const char *status;
        const char *cohort, *cohorthint, *cohortname; /* NULL: absent, the device keeps its own */
        size_t n_events;                              /* each "ok" */
        bool has_ping;
        struct swb_omaha_data_answer *data;
        size_t n_data;
        bool has_offer;
        struct swb_omaha_offer offer;
};

struct swb_omaha_response {
        const char *protocol;
        const char *server;
        bool has_daystart;
        uint64_t elapsed_seconds, elapsed_days;
        struct swb_omaha_app_answer *apps;
        size_t n_apps;
        void *memory; /* of a parsed response, private */
};

/* Server side: appends the body. LIMIT when it does not fit into the buffer, NO_MEMORY. */
int swb_omaha_response_write(const struct swb_omaha_response *response, struct swb_buf *buf,
                             struct swb_error *err) _warn_unused_;

/*
 * Client side. Return: 0; FORMAT (-EBADMSG), LIMIT (-E2BIG), UNSUPPORTED (-EPROTONOSUPPORT).
 * Says nothing yet about what the answer is worth.
 */
int swb_omaha_response_parse(const void *body, size_t n_bytes, struct swb_omaha_response **ret,
                             struct swb_error *err) _warn_unused_;
/* Only for a parsed response. */
struct swb_omaha_response *swb_omaha_response_free(struct swb_omaha_response *response);
SWB_DEFINE_CLEANUP(struct swb_omaha_response *, swb_omaha_response_free)

/*
 * The answer to the app that was asked about, borrowed, checked (OM-18): the app's status is "ok";
 * with want_offer there is an update check whose status is "ok" or "noupdate"; "ok" has a version,
 * a size, at least one http(s) URL, a postinstall action, and a SHA-256, which is then in
 * offer.sha256 (hash_sha256 and postinstall must not contradict each other).
 * Return: 0, or PROTOCOL (-EPROTO).
 */
int swb_omaha_response_app(struct swb_omaha_response *response, const char *appid, bool want_offer,
                           const struct swb_omaha_app_answer **ret,
                           struct swb_error *err) _warn_unused_;

/* Appends the full URL number `index` (codebase, "/" if needed, package name). */
int swb_omaha_offer_url(const struct swb_omaha_offer *offer, size_t index,
                        struct swb_buf *buf) _warn_unused_;
