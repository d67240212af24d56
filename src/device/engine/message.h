/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * device/engine/message.h - what a worker says, read strictly
 *
 * Spec: docs/ARCHITECTURE.md, "Messages between the engine and its workers"
 *
 * A worker may be broken or in a stranger's hands. Every message is checked for itself (known type,
 * numbers in range, texts that fit), and for its place in the dialogue: a worker that goes back,
 * repeats itself, claims more bytes than there are or floods is cut off with PROTOCOL.
 */
#include "device/engine/state.h"

#define SWB_MESSAGE_BYTES_MAX (16 * 1024)
#define SWB_MESSAGES_PER_SECOND_MAX 200

enum swb_worker_kind {
        SWB_WORKER_CHECK,   /* swb-fetch check */
        SWB_WORKER_REPORT,  /* swb-fetch report */
        SWB_WORKER_GET,     /* swb-fetch get */
        SWB_WORKER_INSTALL, /* swb-install */
        SWB_WORKER_COMMAND, /* a command of the configuration: says nothing, its exit status counts
                             */
        SWB_WORKER_LOOK,    /* swb-fetch look */
        SWB_WORKER_POST_INSTALL, /* swb-post-install */
        _SWB_WORKER_KIND_MAX,
};

const char *swb_worker_kind_to_string(enum swb_worker_kind kind); /* name for logs */

enum swb_message_type {
        SWB_MESSAGE_NEED,
        SWB_MESSAGE_PROGRESS,
        SWB_MESSAGE_OUTCOME,
        _SWB_MESSAGE_TYPE_MAX,
        _SWB_MESSAGE_TYPE_INVALID = -EINVAL,
};

enum swb_stage {
        SWB_STAGE_METADATA,
        SWB_STAGE_APPLY,
        SWB_STAGE_READBACK,
        _SWB_STAGE_MAX,
        _SWB_STAGE_INVALID = -EINVAL,
};

/* The server's answer to a check, or what a payload is that somebody pointed at. */
struct swb_answer {
        bool has_update;
        bool is_local;              /* that; the engine sets it, no message */
        char info[SWB_REASON_TEXT]; /* the server's reason for "noupdate", may be cut */
        /* with has_update: */
        char version[SWB_VERSION_TEXT];
        char url[SWB_URLS_MAX][SWB_URL_TEXT]; /* further ones than fit are dropped */
        size_t n_urls;
        uint64_t payload_bytes;
        uint64_t metadata_bytes;
        uint8_t payload_hash[SWB_SHA256_BYTES];
        bool is_delta;
        char deadline[SWB_DEADLINE_TEXT]; /* "": none */
        bool no_backoff;
        uint64_t attempt;      /* the server's, of this version; 0: not given */
        uint64_t url_failures; /* before the next URL is tried, 0: not given */
        /* with any answer: */
        bool is_recall;              /* what is installed and not started yet shall not start */
        uint64_t poll_interval_usec; /* 0: none */
        uint64_t day;                /* the server's, 0: not given */
        bool has_cohort, has_cohort_hint, has_cohort_name; /* else the device keeps what it has */
        char cohort[SWB_COHORT_TEXT], cohort_hint[SWB_COHORT_TEXT], cohort_name[SWB_COHORT_TEXT];
};

struct swb_message {
        enum swb_message_type type;
        uint64_t offset;      /* need, progress of get: in the payload */
        enum swb_stage stage; /* progress of install */
        unsigned percent;     /* progress of install and post-install */
        uint64_t bytes_done, bytes_total, rate;
        bool ok;                /* outcome */
        struct swb_error cause; /* outcome that is not ok */
        uint64_t http_status, retry_after_usec;
        char version[SWB_VERSION_TEXT]; /* outcome of install: what the payload names, or "" */
        struct swb_answer answer;       /* outcome of check */
};

/* One worker's messages so far. Zero it, set kind and payload_bytes. */
struct swb_dialogue {
        enum swb_worker_kind kind;
        uint64_t payload_bytes; /* get, install: size that was promised */
        bool has_need, has_outcome;
        bool has_advanced;       /* the last message showed that work goes on */
        struct swb_message last; /* newest progress */
        uint64_t window_usec;    /* for the flood limit */
        unsigned n_in_window;
};

/* http or https, or a file's; of printable ASCII. A server may not name files. */
bool swb_message_is_url(const char *text, bool may_be_local);

/* The text alone. Return: 0, PROTOCOL (-EPROTO), NO_MEMORY. */
int swb_message_parse(enum swb_worker_kind kind, const void *text, size_t n_bytes,
                      struct swb_message *ret, struct swb_error *err) _warn_unused_;
/* The text and its place in the dialogue. After a failure the worker is not to be heard again. */
int swb_dialogue_hear(struct swb_dialogue *dialogue, const void *text, size_t n_bytes,
                      uint64_t now_usec, struct swb_message *ret,
                      struct swb_error *err) _warn_unused_;
