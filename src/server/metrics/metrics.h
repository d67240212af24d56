/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * server/metrics/metrics.h - what the server has done since it started, counted in memory
 *
 * Model:  any thread counts without locks; a reader sees each number as it is at that moment.
 * Nothing here asks the database.
 */
#include "base/buf.h"
#include "server/fleet/checkin.h"
#include "server/fleet/meaning.h"
#include "server/store/history.h"

#define SWB_MEANINGS (SWB_MEANS_FAILED + 1)

enum swb_metric {
        SWB_METRIC_BAD_REQUESTS,   /* could not be read */
        SWB_METRIC_BUSY,           /* sent away: load, or the database */
        SWB_METRIC_SIGNED,         /* answers */
        SWB_METRIC_DOWNLOADS,      /* requests for payloads, whole or a part */
        SWB_METRIC_STORE_FAILURES, /* requests that could not be stored */
        _SWB_METRIC_MAX,
};

struct swb_metrics {
        uint64_t checks[_SWB_SELECT_MAX], holds[_SWB_HOLD_MAX];
        uint64_t events[SWB_MEANINGS];
        uint64_t other[_SWB_METRIC_MAX];
        int64_t started; /* seconds since 1970 */
};

void swb_metrics_count(struct swb_metrics *metrics, enum swb_metric metric, uint64_t by);
/* All apps of an answered request. */
void swb_metrics_count_checkin(struct swb_metrics *metrics, const struct swb_checkin *checkin);

/* Totals since the start. */
void swb_metrics_load(const struct swb_metrics *metrics, struct swb_history_load *ret);

/* What else a page of metrics shows. */
struct swb_metrics_view {
        struct swb_metrics *metrics;
        struct swb_rollouts *rollouts;
        const struct swb_catalog *catalog; /* for the apps' names */
        struct swb_fleet_totals totals;
        unsigned writer_load_percent;
        bool writer_is_healthy;
};

/* Appends the text that Prometheus reads (format 0.0.4). LIMIT, NO_MEMORY. */
int swb_metrics_write(const struct swb_metrics_view *view, struct swb_buf *buf,
                      struct swb_error *err) _warn_unused_;
