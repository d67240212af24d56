/* SPDX-License-Identifier: Apache-2.0 */
#include "server/metrics/metrics.h"

#include <inttypes.h>
#include <stdarg.h>

#include "omaha/common.h"

static void add(uint64_t *counter, uint64_t by)
{
        (void)__atomic_add_fetch(counter, by, __ATOMIC_RELAXED);
}

static uint64_t get(const uint64_t *counter)
{
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void swb_metrics_count(struct swb_metrics *metrics, enum swb_metric metric, uint64_t by)
{
        add(&metrics->other[metric], by);
}

void swb_metrics_count_checkin(struct swb_metrics *metrics, const struct swb_checkin *checkin)
{
        for (size_t i = 0; i < checkin->request->n_apps; i++) {
                const struct swb_omaha_app *app = &checkin->request->apps[i];
                const struct swb_decision *decision = &checkin->decisions[i];

                for (size_t k = 0; k < app->n_events; k++)
                        add(&metrics->events[swb_event_meaning(&app->events[k])], 1);
                if (!app->has_update_check)
                        continue;
                if (decision->outcome == SWB_SELECT_ROLLOUT)
                        add(&metrics->holds[decision->hold], 1);
                else
                        add(&metrics->checks[decision->outcome], 1);
        }
}

void swb_metrics_load(const struct swb_metrics *metrics, struct swb_history_load *ret)
{
        *ret = (struct swb_history_load){
                .offers = get(&metrics->checks[SWB_SELECT_UPDATE]),
                .completed = get(&metrics->events[SWB_MEANS_COMPLETED]),
                .failed = get(&metrics->events[SWB_MEANS_FAILED]),
        };
        for (int i = 0; i < _SWB_SELECT_MAX; i++)
                ret->checks += get(&metrics->checks[i]);
        for (int i = 0; i < _SWB_HOLD_MAX; i++)
                ret->checks += get(&metrics->holds[i]);
}

/* Text with a sticky error. */
struct page {
        struct swb_buf *buf;
        const struct swb_catalog *catalog;
        int error;
};

static void put(struct page *page, const char *format, ...) _printf_(2, 3);

static void put(struct page *page, const char *format, ...)
{
        char line[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(line, sizeof(line), format, args);
        va_end(args);
        if (page->error >= 0)
                page->error = swb_buf_append_str(page->buf, line);
}

static void put_head(struct page *page, const char *name, const char *type, const char *help)
{
        put(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_checks(struct page *page, const struct swb_metrics *metrics)
{
        static const char name[] = "swb_checks_total";

        put_head(page, name, "counter", "Update checks by the rule that decided.");
        for (int i = 0; i < _SWB_SELECT_MAX; i++)
                if (i != SWB_SELECT_ROLLOUT)
                        put(page, "%s{rule=\"%s\"} %" PRIu64 "\n", name,
                            swb_select_outcome_to_string((enum swb_select_outcome)i),
                            get(&metrics->checks[i]));
        for (int i = SWB_HOLD_NONE + 1; i < _SWB_HOLD_MAX; i++)
                put(page, "%s{rule=\"rollout-%s\"} %" PRIu64 "\n", name,
                    swb_hold_to_string((enum swb_hold)i), get(&metrics->holds[i]));
}

static void put_events(struct page *page, const struct swb_metrics *metrics)
{
        static const char *const names[SWB_MEANINGS] = {
                [SWB_MEANS_NOTHING] = "other",       [SWB_MEANS_DOWNLOADING] = "downloading",
                [SWB_MEANS_INSTALLED] = "installed", [SWB_MEANS_COMPLETED] = "completed",
                [SWB_MEANS_FAILED] = "failed",
        };

        put_head(page, "swb_events_total", "counter", "Events of devices by what they mean.");
        for (size_t i = 0; i < SWB_MEANINGS; i++)
                put(page, "swb_events_total{meaning=\"%s\"} %" PRIu64 "\n", names[i],
                    get(&metrics->events[i]));
}

static void put_other(struct page *page, const struct swb_metrics *metrics)
{
        static const struct {
                const char *name, *help;
        } all[_SWB_METRIC_MAX] = {
                [SWB_METRIC_BAD_REQUESTS] = {"swb_bad_requests_total",
                                             "Update requests that could not be read."},
                [SWB_METRIC_BUSY] = {"swb_busy_answers_total",
                                     "Requests that were sent away with status 503."},
                [SWB_METRIC_SIGNED] = {"swb_signed_answers_total", "Answers that were signed."},
                [SWB_METRIC_DOWNLOADS] = {"swb_downloads_total",
                                          "Requests for payloads, whole or a part."},
                [SWB_METRIC_STORE_FAILURES] = {"swb_store_failures_total",
                                               "Requests that could not be stored."},
        };

        for (size_t i = 0; i < _SWB_METRIC_MAX; i++) {
                put_head(page, all[i].name, "counter", all[i].help);
                put(page, "%s %" PRIu64 "\n", all[i].name, get(&metrics->other[i]));
        }
}

static void put_fleet(struct page *page, const struct swb_metrics_view *view)
{
        put_head(page, "swb_devices", "gauge", "Devices that the server knows, by their state.");
        for (int i = 0; i < _SWB_DEVICE_STATE_MAX; i++)
                put(page, "swb_devices{state=\"%s\"} %" PRIu64 "\n",
                    swb_device_state_to_string((enum swb_device_state)i), view->totals.states[i]);
        put_head(page, "swb_stored_events", "gauge", "Events that are kept.");
        put(page, "swb_stored_events %" PRIu64 "\n", view->totals.events);
        put_head(page, "swb_writer_load_percent", "gauge", "How full the writer's queue is.");
        put(page, "swb_writer_load_percent %u\n", view->writer_load_percent);
        put_head(page, "swb_writer_healthy", "gauge",
                 "1: the database could be written last time.");
        put(page, "swb_writer_healthy %d\n", view->writer_is_healthy);
        put_head(page, "swb_start_time_seconds", "gauge", "When the server started.");
        put(page, "swb_start_time_seconds %" PRId64 "\n", view->metrics->started);
}

static const char *app_of(const struct page *page, int64_t id)
{
        for (size_t i = 0; i < page->catalog->n_apps; i++)
                if (page->catalog->apps[i].id == id)
                        return page->catalog->apps[i].appid;
        return "";
}

/* Names, versions and channels are plain; an app's id may be anything. */
static void escape(const char *text, char *ret, size_t size)
{
        size_t n = 0;

        for (; *text && n + 3 < size; text++) {
                if (*text == '\\' || *text == '"')
                        ret[n++] = '\\';
                ret[n++] = *text == '\n' ? ' ' : *text;
        }
        ret[n] = '\0';
}

static void put_rollout(const struct swb_rollout *rollout, void *userdata)
{
        const struct swb_rollout_setup *s = &rollout->setup;
        const struct swb_tally *t = &rollout->total;
        const struct {
                const char *state;
                uint64_t n;
        } counts[] = {{"under-way", t->admitted - swb_tally_ended(t)},
                      {"ok", t->ok},
                      {"failed", t->failed},
                      {"fell-back", t->fell_back},
                      {"silent", t->silent}};
        struct page *page = userdata;
        char app[2 * SWB_APPID_MAX + 4];

        escape(app_of(page, s->app), app, sizeof(app));
        for (size_t i = 0; i < SWB_ELEMENTS(counts); i++)
                put(page,
                    "swb_rollout_devices{app=\"%s\",rollout=\"%s\",release=\"%s\",state=\"%s\"} "
                    "%" PRIu64 "\n",
                    app, s->name, s->version, counts[i].state, counts[i].n);
}

static void put_rollout_stage(const struct swb_rollout *rollout, void *userdata)
{
        const struct swb_rollout_setup *s = &rollout->setup;
        struct page *page = userdata;
        char app[2 * SWB_APPID_MAX + 4];

        escape(app_of(page, s->app), app, sizeof(app));
        put(page, "swb_rollout_stage{app=\"%s\",rollout=\"%s\",release=\"%s\",status=\"%s\"} %zu\n",
            app, s->name, s->version,
            rollout->halted ? "paused" : swb_rollout_status_to_string(s->status), s->stage + 1);
}

int swb_metrics_write(const struct swb_metrics_view *view, struct swb_buf *buf,
                      struct swb_error *err)
{
        struct page page = {.buf = buf, .catalog = view->catalog};

        put_checks(&page, view->metrics);
        put_events(&page, view->metrics);
        put_other(&page, view->metrics);
        put_fleet(&page, view);
        put_head(&page, "swb_rollout_devices", "gauge", "Devices of a rollout by how it went.");
        swb_rollouts_each(view->rollouts, put_rollout, &page);
        put_head(&page, "swb_rollout_stage", "gauge", "The stage that a rollout has reached.");
        swb_rollouts_each(view->rollouts, put_rollout_stage, &page);
        if (page.error == -ENOMEM)
                return swb_oom(err);
        if (page.error < 0)
                return swb_fail(err, page.error, SWB_FAULT_LIMIT, "too many metrics");
        return 0;
}
