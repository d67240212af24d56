/* SPDX-License-Identifier: Apache-2.0 */
/* The server's health and its metrics. */
#include "server/http/internal.h"

#define ANSWER_MAX_BYTES (8u << 20)

enum MHD_Result swb_finish_health(struct swb_exchange *exchange)
{
        if (!swb_writer_is_healthy(exchange->service->writer))
                return swb_answer_busy(exchange, "the database can't be written");
        return swb_answer_text(exchange, MHD_HTTP_OK, "ok\n");
}

enum MHD_Result swb_finish_metrics(struct swb_exchange *exchange)
{
        _cleanup_(swb_buf_done) struct swb_buf buf = SWB_BUF_INIT(ANSWER_MAX_BYTES);
        struct swb_service *service = exchange->service;
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = swb_service_catalog(service);
        struct swb_metrics_view view = {
                .metrics = &service->metrics,
                .rollouts = service->rollouts,
                .catalog = catalog,
                .writer_load_percent = swb_writer_load(service->writer),
                .writer_is_healthy = swb_writer_is_healthy(service->writer),
        };
        struct swb_error err = SWB_ERROR_INIT;

        swb_writer_totals(service->writer, &view.totals);
        if (swb_metrics_write(&view, &buf, &err) < 0)
                return swb_answer_text(exchange, MHD_HTTP_INTERNAL_SERVER_ERROR, "%s\n", err.text);
        return swb_answer_buf(exchange, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8",
                              &buf);
}
