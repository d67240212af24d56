/* SPDX-License-Identifier: Apache-2.0 */
#include "device/crowd/crowd.h"

#include <inttypes.h>
#include <pthread.h>

#include "base/text.h"
#include "omaha/response.h"
#include "os/http.h"

#define ID_TEXT 32

/* Where a device is with an update. */
enum step {
        IDLE,
        INSTALLING, /* was offered one */
        REBOOTING,  /* has said that it installed it */
        SILENT,     /* for ever */
};

struct device {
        char version[SWB_CROWD_VERSION_TEXT];
        enum step step;
        size_t outcome; /* of the update that it is at */
        bool refuses;   /* it fell back from the last one that it was offered */
};

struct crowd {
        const struct swb_crowd_scenario *scenario;
        const char *url;
        struct device *devices;
        uint64_t round;
        pthread_mutex_t lock; /* for all below */
        struct swb_crowd_truth truth;
        struct swb_error first_error;
};

/* One thread's part of a round. */
struct worker {
        struct crowd *crowd;
        struct swb_http *http; /* kept over all rounds */
        uint64_t first;
        pthread_t thread;
};

/* A number from 0 to 999999 that only these three decide. */
static uint32_t luck(uint64_t seed, uint64_t device, const char *version)
{
        uint64_t x = seed * 0x9e3779b97f4a7c15u + device + 1;

        for (const char *p = version; *p; p++)
                x = (x ^ (uint8_t)*p) * 0x100000001b3u;
        x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9u;
        x = (x ^ x >> 29) * 0x94d049bb133111ebu;
        return (uint32_t)((x ^ x >> 32) % 1000000);
}

/* How this device fares with this release. */
enum fate { FINE, FALLS_BACK, FAILS, FALLS_SILENT };

static enum fate fate_of(const struct swb_crowd_scenario *s, uint64_t device, const char *version)
{
        uint32_t x = luck(s->seed, device, version);

        for (size_t i = 0; i < s->n_fates; i++) {
                const struct swb_crowd_fate *f = &s->fates[i];

                if (strcmp(f->version, version) != 0)
                        continue;
                if (x < f->fall_back_ppm)
                        return FALLS_BACK;
                if (x < f->fall_back_ppm + f->fail_ppm)
                        return FAILS;
                return x < f->fall_back_ppm + f->fail_ppm + f->silent_ppm ? FALLS_SILENT : FINE;
        }
        return FINE;
}

/* The lock is held. Beyond the maximum the last one is shared: the caller's numbers then differ. */
static size_t outcome_of(struct swb_crowd_truth *truth, const char *version)
{
        for (size_t i = 0; i < truth->n_outcomes; i++)
                if (strcmp(truth->outcomes[i].version, version) == 0)
                        return i;
        if (truth->n_outcomes == SWB_CROWD_RELEASES_MAX)
                return SWB_CROWD_RELEASES_MAX - 1;
        (void)snprintf(truth->outcomes[truth->n_outcomes].version, SWB_CROWD_VERSION_TEXT, "%s",
                       version);
        return truth->n_outcomes++;
}

/* --- one request --- */

struct message {
        struct swb_omaha_event events[3];
        size_t n_events;
        bool is_check;
        const char *version; /* that it says it runs */
};

static void add_event(struct message *m, int type, int result, const char *previous,
                      const char *next, const char *fault, int errorcode)
{
        m->events[m->n_events++] = (struct swb_omaha_event){.type = type,
                                                            .result = result,
                                                            .errorcode = errorcode,
                                                            .previousversion = previous,
                                                            .nextversion = next,
                                                            .fault = fault};
}

/* Always the same devices. */
static const char *reads_of(const struct swb_crowd_scenario *s, uint64_t number)
{
        return luck(s->seed, number, "reads") < s->reads_ppm ? s->reads : "";
}

static int post(struct worker *w, uint64_t number, struct message *m,
                struct swb_omaha_response **ret, const struct swb_omaha_app_answer **ret_app,
                struct swb_error *err)
{
        static const char *const headers[] = {"Content-Type: text/xml", NULL};
        const struct swb_crowd_scenario *s = w->crowd->scenario;
        _cleanup_(swb_buf_done) struct swb_buf body = SWB_BUF_INIT(SWB_OMAHA_REQUEST_MAX_BYTES);
        _cleanup_(swb_buf_done) struct swb_buf answer = SWB_BUF_INIT(SWB_OMAHA_RESPONSE_MAX_BYTES);
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        char id[ID_TEXT], request_id[2 * ID_TEXT];
        struct swb_omaha_app app = {.appid = s->app_id,
                                    .version = m->version,
                                    .track = s->channel,
                                    .hardware_class = s->hardware_class,
                                    .machineid = id,
                                    .delta_okay = *s->reads != '\0',
                                    .reads = m->is_check ? reads_of(s, number) : NULL,
                                    .has_update_check = m->is_check,
                                    .events = m->events,
                                    .n_events = m->n_events};
        struct swb_omaha_request request = {
                .updater = "swb-fleet", .requestid = request_id, .apps = &app, .n_apps = 1};
        struct swb_http_status status;
        int r;

        (void)snprintf(id, sizeof(id), "fleet-%" PRIu64 "-%" PRIu64, s->seed, number);
        (void)snprintf(request_id, sizeof(request_id), "%s-%" PRIu64 "-%d", id, w->crowd->round,
                       m->is_check);
        r = swb_omaha_request_write(&request, &body, err);
        if (r >= 0)
                r = swb_http_post(w->http, w->crowd->url, headers, body.data, body.n_bytes, &answer,
                                  &status, err);
        if (r >= 0)
                r = swb_omaha_response_parse(answer.data, answer.n_bytes, &response, err);
        if (r >= 0)
                r = swb_omaha_response_app(response, s->app_id, m->is_check, ret_app, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(response);
        return 0;
}

/* --- one device --- */

/* What it has to say about the update that it is at, and what that leads to. */
static void say(const struct crowd *crowd, uint64_t number, struct device *d, const char *target,
                struct message *m, enum step *ret_next)
{
        enum fate fate = fate_of(crowd->scenario, number, target);

        *ret_next = d->step;
        if (d->step == INSTALLING) {
                add_event(m, 13, 1, d->version, target, "", 0);
                if (fate == FAILS) {
                        add_event(m, 3, 0, d->version, target, "hash", 10);
                        *ret_next = IDLE;
                        return;
                }
                add_event(m, 14, 1, d->version, target, "", 0);
                add_event(m, 3, 1, d->version, target, "", 0);
                m->is_check = false; /* it waits for its reboot */
                *ret_next = fate == FALLS_SILENT ? SILENT : REBOOTING;
        } else if (d->step == REBOOTING) {
                if (fate == FALLS_BACK)
                        add_event(m, 3, 0, d->version, target, "fell-back", 44);
                else
                        add_event(m, 54, 1, d->version, target, "", 0);
                m->version = fate == FALLS_BACK ? d->version : target;
                *ret_next = IDLE;
        }
}

/* The lock is held. */
static void count_end(struct swb_crowd_outcome *outcome, const struct message *m)
{
        const struct swb_omaha_event *last = &m->events[m->n_events - 1];

        if (last->type == 54)
                outcome->ok++;
        else if (strcmp(last->fault, "fell-back") == 0)
                outcome->fell_back++;
        else
                outcome->failed++;
}

/* The server has taken what was said, and answered. */
static void take_answer(struct crowd *crowd, struct device *d, const struct message *m,
                        enum step next, const struct swb_omaha_offer *offer)
{
        struct swb_crowd_truth *truth = &crowd->truth;
        bool has_ended = d->step != IDLE && next == IDLE;

        truth->checks += m->is_check;
        truth->events += m->n_events;
        if (has_ended) {
                count_end(&truth->outcomes[d->outcome], m);
                d->refuses = m->events[m->n_events - 1].type != 54;
        }
        truth->outcomes[d->outcome].silent += next == SILENT;
        if (m->version != d->version)
                (void)snprintf(d->version, sizeof(d->version), "%s", m->version);
        d->step = next;
        if (!m->is_check)
                return;
        if (strcmp(offer->status, SWB_OMAHA_STATUS_OK) != 0) {
                truth->refusals++;
                return;
        }
        truth->updates++;
        /* A device does not take again what has failed on it. */
        if (d->refuses && d->outcome == outcome_of(truth, offer->version))
                return;
        d->refuses = false;
        d->outcome = outcome_of(truth, offer->version);
        truth->outcomes[d->outcome].offered++;
        d->step = INSTALLING;
}

static void act(struct worker *w, uint64_t number)
{
        struct crowd *crowd = w->crowd;
        struct device *d = &crowd->devices[number];
        _cleanup_(swb_omaha_response_freep) struct swb_omaha_response *response = NULL;
        const struct swb_omaha_app_answer *app = NULL;
        struct message m = {.is_check = true, .version = d->version};
        struct swb_error err = SWB_ERROR_INIT;
        char target[SWB_CROWD_VERSION_TEXT] = "";
        enum step next;
        int r;

        if (d->step == SILENT)
                return;
        (void)pthread_mutex_lock(&crowd->lock);
        if (d->step != IDLE)
                memcpy(target, crowd->truth.outcomes[d->outcome].version, sizeof(target));
        (void)pthread_mutex_unlock(&crowd->lock);
        say(crowd, number, d, target, &m, &next);
        r = post(w, number, &m, &response, &app, &err);
        (void)pthread_mutex_lock(&crowd->lock);
        if (r >= 0) {
                take_answer(crowd, d, &m, next, &app->offer);
        } else {
                crowd->truth.errors++; /* it says it again in the next round */
                if (crowd->first_error.code == 0)
                        crowd->first_error = err;
        }
        (void)pthread_mutex_unlock(&crowd->lock);
}

static void *run(void *userdata)
{
        struct worker *w = userdata;
        const struct swb_crowd_scenario *s = w->crowd->scenario;

        for (uint64_t i = w->first; i < s->devices; i += s->threads)
                act(w, i);
        return NULL;
}

/* --- all of them --- */

static int run_round(struct worker *workers, size_t n, struct swb_error *err)
{
        size_t n_running = 0;
        int r = 0;

        for (; r == 0 && n_running < n; n_running += r == 0)
                r = pthread_create(&workers[n_running].thread, NULL, run, &workers[n_running]);
        for (size_t i = 0; i < n_running; i++)
                (void)pthread_join(workers[i].thread, NULL);
        return r == 0 ? 0 : swb_fail_errno(err, r, "start a thread");
}

static int run_rounds(struct crowd *crowd, struct worker *workers, struct swb_error *err)
{
        const struct swb_crowd_scenario *s = crowd->scenario;
        const struct timespec pause = {.tv_sec = (time_t)(s->pause_msec / 1000),
                                       .tv_nsec = (long)(s->pause_msec % 1000) * 1000000};
        static const struct swb_http_config config = {.answer_usec = 60 * 1000000ull};
        int r = 0;

        for (size_t i = 0; r >= 0 && i < s->threads; i++) {
                workers[i] = (struct worker){.crowd = crowd, .first = i};
                r = swb_http_new(&config, &workers[i].http, err);
        }
        for (crowd->round = 0; r >= 0 && crowd->round < s->rounds; crowd->round++) {
                r = run_round(workers, s->threads, err);
                (void)nanosleep(&pause, NULL); /* shorter when a signal comes */
        }
        for (size_t i = 0; i < s->threads; i++)
                (void)swb_http_free(workers[i].http);
        return r;
}

int swb_crowd_live(const struct swb_crowd_scenario *scenario, const char *url,
                   struct swb_crowd_truth *ret, struct swb_error *err)
{
        _cleanup_free_ struct worker *workers = calloc(scenario->threads, sizeof(*workers));
        _cleanup_free_ struct device *devices = calloc(scenario->devices, sizeof(*devices));
        struct crowd crowd = {.scenario = scenario, .url = url, .devices = devices};
        int r;

        if (!workers || !devices)
                return swb_oom(err);
        for (uint64_t i = 0; i < scenario->devices; i++)
                memcpy(devices[i].version, scenario->version, sizeof(devices[i].version));
        (void)pthread_mutex_init(&crowd.lock, NULL); /* can't fail without attributes */
        r = run_rounds(&crowd, workers, err);
        (void)pthread_mutex_destroy(&crowd.lock);
        if (r < 0)
                return r;
        /* That not one answer came is no result. */
        if (crowd.truth.checks == 0 && crowd.truth.errors > 0) {
                if (err)
                        *err = crowd.first_error;
                return swb_wrap(err, crowd.first_error.code, "no device got an answer");
        }
        *ret = crowd.truth;
        return 0;
}
