/* SPDX-License-Identifier: Apache-2.0 */
/* The body of an answer: is it what was asked for, and to whom its bytes go. */
#include <inttypes.h>

#include "os/http_transfer.h"

unsigned swb_transfer_status(const struct swb_transfer *transfer)
{
        long status = 0;

        (void)curl_easy_getinfo(transfer->http->curl, CURLINFO_RESPONSE_CODE, &status);
        return status > 0 ? (unsigned)status : 0;
}

static int protocol_error(struct swb_transfer *transfer, const char *what)
{
        return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL, "%s", what);
}

/* "bytes FIRST-LAST/TOTAL", exactly what was asked for. */
static int check_content_range(struct swb_transfer *transfer)
{
        struct curl_header *header;
        char want[80];

        if (curl_easy_header(transfer->http->curl, "Content-Range", 0, CURLH_HEADER, -1, &header) !=
            CURLHE_OK)
                return protocol_error(transfer, "answers 206 without Content-Range");
        (void)snprintf(want, sizeof(want), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64,
                       transfer->offset, transfer->total - 1, transfer->total);
        if (strcasecmp(header->value, want) != 0)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers with Content-Range '%.60s', wanted '%s'", header->value,
                                want);
        return 0;
}

static int check_content_length(struct swb_transfer *transfer, uint64_t want)
{
        curl_off_t length = -1;

        (void)curl_easy_getinfo(transfer->http->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length >= 0 && (uint64_t)length != want)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "has %" PRIu64 " bytes there, wanted %" PRIu64, (uint64_t)length,
                                want);
        return 0;
}

static int plan_skip_failure(struct swb_transfer *transfer, uint64_t n_bytes)
{
        return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                        "ignores Range, and %" PRIu64 " bytes are too many to load and throw away",
                        n_bytes);
}

/* The server ignored Range. */
static int plan_skip(struct swb_transfer *transfer)
{
        if (transfer->offset > SWB_HTTP_SKIP_MAX)
                return plan_skip_failure(transfer, transfer->offset);
        transfer->skip = transfer->offset;
        return 0;
}

/* Answers of servers that could have meant: not so many at once. */
static bool is_too_much(const struct swb_transfer *transfer, unsigned status)
{
        return transfer->n_ranges > 1 && (status == 200 || status == 400 || status == 413 ||
                                          status == 416 || status == 431 || status == 501);
}

static int begin_parts(struct swb_transfer *transfer)
{
        CURL *curl = transfer->http->curl;
        struct curl_header *header;

        if (curl_easy_header(curl, "Content-Range", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
                return swb_content_range_parse(header->value, transfer->total, &transfer->offset,
                                               &transfer->part_end, transfer->err);
        if (curl_easy_header(curl, "Content-Type", 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
                return protocol_error(transfer, "answers 206 without Content-Range");
        transfer->is_multipart = true;
        return swb_multipart_init(&transfer->multipart, header->value, transfer->total,
                                  transfer->err);
}

/* Before the first byte of a body of ranges. */
static int begin_ranges(struct swb_transfer *transfer, unsigned status)
{
        transfer->has_body = true;
        if (is_too_much(transfer, status))
                return swb_fail(transfer->err, -EOPNOTSUPP, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a request for several ranges", status);
        if (status < 200 || status > 299)
                return swb_fail(transfer->err, -EIO, SWB_FAULT_HTTP, "answers HTTP status %u",
                                status);
        if (status == 206)
                return begin_parts(transfer);
        if (status != 200)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a GET", status);
        transfer->offset = 0;
        transfer->part_end = transfer->total;
        if (transfer->ranges[0].start > SWB_HTTP_SKIP_MAX)
                return plan_skip_failure(transfer, transfer->ranges[0].start);
        return check_content_length(transfer, transfer->total);
}

int swb_transfer_begin_body(struct swb_transfer *transfer)
{
        unsigned status = swb_transfer_status(transfer);
        int r;

        if (transfer->ranges)
                return begin_ranges(transfer, status);
        transfer->has_body = true;
        if (!transfer->any_status && (status < 200 || status > 299))
                return swb_fail(transfer->err, -EIO, SWB_FAULT_HTTP, "answers HTTP status %u",
                                status);
        if (!transfer->is_get)
                return 0;
        if (status == 206 && transfer->offset > 0) {
                r = check_content_range(transfer);
                return r < 0 ? r
                             : check_content_length(transfer, transfer->total - transfer->offset);
        }
        if (status != 200)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "answers HTTP status %u to a GET", status);
        r = check_content_length(transfer, transfer->total);
        return r < 0 ? r : plan_skip(transfer);
}

static int pass_on(struct swb_transfer *transfer, const char *data, size_t n)
{
        size_t skip = (size_t)SWB_MIN(transfer->skip, (uint64_t)n);
        int r;

        transfer->skip -= skip;
        data += skip;
        n -= skip;
        if (n == 0)
                return 0;
        if (transfer->is_get && n > transfer->total - transfer->offset - transfer->n_passed)
                return swb_fail(transfer->err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "sends more than the %" PRIu64 " bytes that the file must have",
                                transfer->total);
        transfer->n_passed += n;
        r = transfer->sink(transfer->context, data, n, transfer->err);
        transfer->sink_failed = r < 0;
        return r;
}

static int on_part(void *context, uint64_t offset, const void *data, size_t n,
                   struct swb_error *err)
{
        struct swb_transfer *transfer = context;
        int r = transfer->part_sink(transfer->context, offset, data, n, err);

        transfer->sink_failed = r < 0;
        transfer->has_enough |= r > 0;
        return r < 0 ? r : 0;
}

static int pass_on_parts(struct swb_transfer *transfer, const char *data, size_t n)
{
        int r;

        if (transfer->is_multipart)
                return swb_multipart_feed(&transfer->multipart, data, n, on_part, transfer,
                                          transfer->err);
        if (n > transfer->part_end - transfer->offset)
                return protocol_error(transfer, "sends more than its Content-Range says");
        r = on_part(transfer, transfer->offset, data, n, transfer->err);
        transfer->offset += n;
        return r;
}

size_t swb_transfer_on_body(char *data, size_t size, size_t n, void *context)
{
        struct swb_transfer *transfer = context;
        int r = 0;

        (void)size; /* always 1 */
        if (!transfer->has_body)
                r = swb_transfer_begin_body(transfer);
        if (r >= 0)
                r = transfer->ranges ? pass_on_parts(transfer, data, n)
                                     : pass_on(transfer, data, n);
        return r < 0 || transfer->has_enough ? CURL_WRITEFUNC_ERROR : n;
}

int swb_transfer_check_end(struct swb_transfer *transfer)
{
        uint64_t want = transfer->total - transfer->offset;

        if (transfer->n_passed < want)
                return swb_fail(transfer->err, -ECONNABORTED, SWB_FAULT_NETWORK,
                                "ends after %" PRIu64 " of %" PRIu64 " bytes", transfer->n_passed,
                                want);
        return 0;
}
