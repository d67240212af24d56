/* SPDX-License-Identifier: Apache-2.0 */
/* GET and HEAD of payloads: whole or by ranges, straight from the file. */
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "server/http/internal.h"
#include "server/http/parts.h"
#include "server/http/range.h"
#include "server/store/payload_files.h"

#define PARTS_BLOCK_BYTES (128u << 10)

/* The payload that was asked for. */
struct file {
        int fd;
        uint64_t n_bytes;
        char etag[64 + 2 + 1]; /* quoted SHA-256 */
        bool by_hash;          /* asked for by its hash: it can never change */
};

struct part {
        unsigned status;
        uint64_t offset, n_bytes;
};

static int open_file(struct swb_exchange *exchange, struct file *file, struct swb_error *err)
{
        struct swb_service *service = exchange->service;
        const char *name = exchange->path + strlen(SWB_PAYLOAD_PATH);
        _cleanup_(swb_catalog_unrefp) struct swb_catalog *catalog = NULL;

        file->by_hash = swb_is_payload_file_name(name);
        if (!file->by_hash) {
                const struct swb_catalog_payload *payload;

                catalog = swb_service_catalog(service);
                payload = *name ? swb_catalog_payload_named(catalog, name) : NULL;
                if (!payload)
                        return swb_fail(err, -ENOENT, SWB_FAULT_NOT_FOUND, "no such payload");
                name = payload->sha256;
        }
        (void)snprintf(file->etag, sizeof(file->etag), "\"%s\"", name);
        return swb_payload_file_open(service->payload_folder_fd, name, &file->fd, &file->n_bytes,
                                     err);
}

static struct part choose_part(const struct swb_exchange *exchange, const struct file *file)
{
        const char *if_range = swb_exchange_header(exchange, "If-Range");
        struct part part = {.status = MHD_HTTP_OK, .n_bytes = file->n_bytes};

        if (swb_etag_in_list(swb_exchange_header(exchange, "If-None-Match"), file->etag)) {
                part.status = MHD_HTTP_NOT_MODIFIED;
                part.n_bytes = 0;
                return part;
        }
        /* Strong comparison: a weak tag or a date is never equal. */
        if (exchange->is_head || (if_range && strcmp(if_range, file->etag) != 0))
                return part;
        switch (swb_range_parse(swb_exchange_header(exchange, "Range"), file->n_bytes, &part.offset,
                                &part.n_bytes)) {
        case SWB_RANGE_WHOLE:
                break;
        case SWB_RANGE_PART:
                part.status = MHD_HTTP_PARTIAL_CONTENT;
                break;
        case SWB_RANGE_UNSATISFIABLE:
                part.status = MHD_HTTP_RANGE_NOT_SATISFIABLE;
                part.n_bytes = 0;
                break;
        default:
                swb_assert(false);
        }
        return part;
}

/* ---- several ranges ---- */

static ssize_t read_parts(void *context, uint64_t offset, char *data, size_t n_bytes)
{
        ssize_t n = swb_parts_read(context, offset, data, n_bytes);

        return n < 0 ? MHD_CONTENT_READER_END_WITH_ERROR : n;
}

static void free_parts(void *context)
{
        struct swb_parts *parts = context;

        parts->fd = swb_close(parts->fd);
        free(parts);
}

/* NULL: the request asks for no such thing. */
static struct swb_parts *choose_parts(const struct swb_exchange *exchange, const struct file *file)
{
        const char *if_range = swb_exchange_header(exchange, "If-Range");
        struct swb_parts *parts;

        if (exchange->is_head || swb_exchange_header(exchange, "If-None-Match") ||
            (if_range && strcmp(if_range, file->etag) != 0))
                return NULL;
        parts = calloc(1, sizeof(*parts));
        if (!parts)
                return NULL; /* the whole file is an answer, too */
        parts->fd = -EBADF;
        parts->n_file_bytes = file->n_bytes;
        parts->n = swb_parts_parse(swb_exchange_header(exchange, "Range"), file->n_bytes,
                                   parts->ranges);
        if (parts->n > 0)
                return parts;
        free(parts);
        return NULL;
}

static bool add_parts_headers(struct MHD_Response *response, const struct file *file,
                              const struct swb_parts *parts)
{
        char type[96];

        (void)snprintf(type, sizeof(type), "multipart/byteranges; boundary=%s", parts->boundary);
        return MHD_add_response_header(response, "Content-Type", type) != MHD_NO &&
               MHD_add_response_header(response, "Accept-Ranges", "bytes") != MHD_NO &&
               MHD_add_response_header(response, "ETag", file->etag) != MHD_NO;
}

/* Takes both over. */
static struct MHD_Response *make_parts_response(struct file *file, struct swb_parts *parts)
{
        struct MHD_Response *response;

        parts->fd = file->fd;
        file->fd = -EBADF;
        /* A file can't hold the hash of itself. */
        memcpy(parts->boundary, file->etag + 1, SWB_PARTS_BOUNDARY_BYTES);
        response = MHD_create_response_from_callback(swb_parts_bytes(parts), PARTS_BLOCK_BYTES,
                                                     read_parts, parts, free_parts);
        if (!response) {
                free_parts(parts);
                return NULL;
        }
        if (!add_parts_headers(response, file, parts)) {
                MHD_destroy_response(response);
                response = NULL;
        }
        return response;
}

/* ---- one, or all ---- */

static bool add_headers(struct MHD_Response *response, const struct file *file,
                        const struct part *part)
{
        char range[96] = "";
        const struct {
                const char *name, *value;
        } headers[] = {
                {"Accept-Ranges", "bytes"},
                {"ETag", file->etag},
                {"Cache-Control",
                 file->by_hash ? "public, max-age=31536000, immutable" : "no-cache"},
                {"Content-Type", "application/octet-stream"},
                {"Content-Range", range},
        };

        if (part->status == MHD_HTTP_PARTIAL_CONTENT)
                (void)snprintf(range, sizeof(range), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                               part->offset, part->offset + part->n_bytes - 1, file->n_bytes);
        else if (part->status == MHD_HTTP_RANGE_NOT_SATISFIABLE)
                (void)snprintf(range, sizeof(range), "bytes */%" PRIu64, file->n_bytes);
        for (size_t i = 0; i < SWB_ELEMENTS(headers); i++)
                if (*headers[i].value &&
                    MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_NO)
                        return false;
        return true;
}

/* Takes the file's descriptor over. */
static struct MHD_Response *make_response(struct file *file, const struct part *part)
{
        struct MHD_Response *response;

        if (part->n_bytes == 0)
                response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        else
                response = MHD_create_response_from_fd_at_offset64(part->n_bytes, file->fd,
                                                                   part->offset);
        if (response && part->n_bytes > 0)
                file->fd = -EBADF; /* closed with the response */
        if (response && !add_headers(response, file, part)) {
                MHD_destroy_response(response);
                response = NULL;
        }
        file->fd = swb_close(file->fd);
        return response;
}

/* The proxy sends the file, with its own ranges. */
static struct MHD_Response *make_redirect(const struct swb_exchange *exchange,
                                          const struct file *file)
{
        const char *prefix = exchange->service->config.accel_redirect;
        struct part whole = {.status = MHD_HTTP_OK, .n_bytes = file->n_bytes};
        _cleanup_free_ char *path = NULL;
        struct MHD_Response *response;

        /* The tag is the content's hash in quotes. */
        if (asprintf(&path, "%s%.64s", prefix, file->etag + 1) < 0) {
                path = NULL;
                return NULL;
        }
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        if (response && (!add_headers(response, file, &whole) ||
                         MHD_add_response_header(response, "X-Accel-Redirect", path) == MHD_NO)) {
                MHD_destroy_response(response);
                response = NULL;
        }
        return response;
}

/* Only a proxy understands that. */
static bool is_redirected(const struct swb_exchange *exchange)
{
        char address[SWB_ADDRESS_TEXT];

        return exchange->service->config.accel_redirect && swb_exchange_address(exchange, address);
}

enum MHD_Result swb_finish_download(struct swb_exchange *exchange)
{
        struct file file = {.fd = -EBADF};
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_parts *parts;
        struct part part;

        if (open_file(exchange, &file, &err) < 0) {
                if (err.fault == SWB_FAULT_NOT_FOUND)
                        return swb_answer_text(exchange, MHD_HTTP_NOT_FOUND,
                                               "there is no such payload\n");
                (void)swb_log_failure(SWB_LOG_ERROR, &err, "serve a payload");
                return swb_answer_busy(exchange, "the payload can't be read");
        }
        swb_metrics_count(&exchange->service->metrics, SWB_METRIC_DOWNLOADS, 1);
        if (is_redirected(exchange)) {
                enum MHD_Result result =
                        swb_answer_response(exchange, MHD_HTTP_OK, make_redirect(exchange, &file));

                file.fd = swb_close(file.fd);
                return result;
        }
        parts = choose_parts(exchange, &file);
        if (parts)
                return swb_answer_response(exchange, MHD_HTTP_PARTIAL_CONTENT,
                                           make_parts_response(&file, parts));
        part = choose_part(exchange, &file);
        return swb_answer_response(exchange, part.status, make_response(&file, &part));
}
