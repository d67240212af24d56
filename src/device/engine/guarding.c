/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hardware watchdog of [health]: fed while the confirming goes well, and then stopped.
 *
 * Not fed any more when the time for confirming is over, or the new system was found to be ill:
 * should the reboot out of it hang, the hardware does it, and the boot loader counts the try.
 */
#include "base/log.h"
#include "device/engine/machine.h"

#define FEEDS_A_TIMEOUT 4

static bool goes_well(const struct swb_engine *e, const struct swb_now *now)
{
        return e->status.state == SWB_ENGINE_CONFIRMING && e->unhealthy.fault == SWB_FAULT_NONE &&
               now->boot_usec < e->guarded_until_usec;
}

static int on_feed(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_engine *e = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_now now;

        (void)usec;
        swb_engine_get_now(e, &now);
        if (!goes_well(e, &now)) {
                swb_log(SWB_LOG_WARNING, "the watchdog is not fed any more");
                return 0;
        }
        if (swb_watchdog_feed(e->watchdog, &err) < 0)
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "watchdog");
        (void)sd_event_source_set_time_relative(source, swb_watchdog_timeout(e->watchdog) /
                                                                FEEDS_A_TIMEOUT);
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

static int begin(struct swb_engine *e, struct swb_error *err)
{
        int r;

        r = swb_watchdog_open(e->config->health.watchdog, e->config->health.watchdog_timeout_usec,
                              &e->watchdog, err);
        if (r < 0)
                return r;
        r = sd_event_add_time_relative(e->event, &e->watchdog_timer, CLOCK_MONOTONIC, 0, SECOND,
                                       on_feed, e);
        return r < 0 ? swb_fail_errno(err, r, "set up a timer") : 0;
}

void swb_engine_guard(struct swb_engine *e)
{
        uint64_t uptime_usec = e->config->health.min_uptime_usec;
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_now now;

        if (e->config->health.watchdog[0] == '\0' || e->watchdog)
                return;
        swb_engine_get_now(e, &now);
        if (begin(e, &err) < 0) {
                (void)swb_log_failure(SWB_LOG_WARNING, &err, "confirming without a watchdog");
                swb_engine_unguard(e);
                return;
        }
        e->guarded_until_usec = SWB_MAX(now.boot_usec, uptime_usec) +
                                e->config->health.timeout_usec + swb_watchdog_timeout(e->watchdog);
}

void swb_engine_unguard(struct swb_engine *e)
{
        struct swb_error err = SWB_ERROR_INIT;

        if (e->watchdog && swb_watchdog_stop(e->watchdog, &err) < 0)
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "the watchdog can't be stopped");
        swb_engine_let_bite(e);
}

void swb_engine_let_bite(struct swb_engine *e)
{
        e->watchdog_timer = sd_event_source_disable_unref(e->watchdog_timer);
        e->watchdog = swb_watchdog_free(e->watchdog);
}
