/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a digit for the kind of worker, or an L for the one that looks at files, then its
 * messages, each ended by a NUL. Checks: what is heard keeps the promises of message.h, which the
 * engine builds upon.
 */
#include "fuzz.h"

#include <ctype.h>

#include "device/engine/message.h"

#define PAYLOAD_BYTES 1000000

static void check_text(const char *text, size_t room)
{
        swb_assert(memchr(text, '\0', room));
}

static void check_version(const char *version)
{
        check_text(version, SWB_VERSION_TEXT);
        swb_assert(*version != '-');
        for (const char *p = version; *p; p++)
                swb_assert(isgraph((unsigned char)*p));
}

static void check_answer(const struct swb_answer *answer, bool may_be_local)
{
        check_text(answer->info, sizeof(answer->info));
        check_text(answer->cohort, sizeof(answer->cohort));
        check_text(answer->cohort_hint, sizeof(answer->cohort_hint));
        check_text(answer->cohort_name, sizeof(answer->cohort_name));
        if (!answer->has_update)
                return;
        check_version(answer->version);
        swb_assert(answer->version[0] != '\0' && answer->payload_bytes > 0);
        swb_assert(answer->n_urls > 0 && answer->n_urls <= SWB_URLS_MAX);
        for (size_t i = 0; i < answer->n_urls; i++) {
                check_text(answer->url[i], SWB_URL_TEXT);
                swb_assert(strncmp(answer->url[i], "http", 4) == 0 ||
                           (may_be_local && strncmp(answer->url[i], "file:///", 8) == 0));
        }
}

static void check_message(enum swb_worker_kind kind, const struct swb_message *m)
{
        swb_assert(m->percent <= 100 && m->offset <= PAYLOAD_BYTES);
        swb_assert(m->bytes_total == 0 || m->bytes_done <= m->bytes_total);
        if (m->type != SWB_MESSAGE_OUTCOME)
                return;
        if (m->ok && (kind == SWB_WORKER_CHECK || kind == SWB_WORKER_LOOK))
                check_answer(&m->answer, kind == SWB_WORKER_LOOK);
        check_version(m->version);
        swb_assert(m->ok || (m->cause.code < 0 && m->cause.fault > SWB_FAULT_NONE &&
                             m->cause.fault < _SWB_FAULT_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
        struct swb_dialogue dialogue = {.payload_bytes = PAYLOAD_BYTES};
        uint64_t now_usec = 0;

        if (n_bytes < 2)
                return 0;
        dialogue.kind = data[0] == 'L' ? SWB_WORKER_LOOK
                                       : (enum swb_worker_kind)(data[0] % SWB_WORKER_LOOK);
        for (size_t at = 1; at < n_bytes; now_usec += 10000) {
                const uint8_t *end = memchr(data + at, '\0', n_bytes - at);
                size_t n = end ? (size_t)(end - data) - at : n_bytes - at;
                struct swb_error err = SWB_ERROR_INIT;
                struct swb_message message;

                if (swb_dialogue_hear(&dialogue, data + at, n, now_usec, &message, &err) < 0) {
                        swb_assert(err.code < 0 && *err.text);
                        return 0;
                }
                check_message(dialogue.kind, &message);
                at += n + 1;
        }
        return 0;
}
