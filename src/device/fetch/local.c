/* SPDX-License-Identifier: Apache-2.0 */
#include "device/fetch/local.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/text.h"
#include "os/file.h"

#define CHUNK_BYTES (64u << 10)

static int bad_url(const char *url, struct swb_error *err)
{
        return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL, "'%s' does not name a file", url);
}

int swb_local_path(const char *url, struct swb_buf *ret_path, struct swb_error *err)
{
        const char *p = url + strlen(SWB_LOCAL_SCHEME);
        int r = 0;

        if (!swb_starts_with(url, SWB_LOCAL_SCHEME "/"))
                return bad_url(url, err);
        for (; *p && r >= 0; p++) {
                char hex[3] = "", c = *p;

                if (c == '%') {
                        memcpy(hex, p + 1, strnlen(p + 1, 2));
                        if (swb_hex_decode(hex, &c, 1) < 0 || c == '\0')
                                return bad_url(url, err);
                        p += 2;
                }
                r = swb_buf_append(ret_path, &c, 1);
        }
        if (r >= 0)
                r = swb_buf_append(ret_path, "", 1);
        return r == -E2BIG ? bad_url(url, err) : r < 0 ? swb_oom(err) : 0;
}

static int open_payload(const char *path, uint64_t total, struct swb_error *err)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (fstat(fd, &st) < 0)
                return swb_fail_errno(err, errno, "'%s'", path);
        if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != total)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "'%s' is not a file of %" PRIu64 " bytes any more", path, total);
        return SWB_TAKE_FD(fd);
}

int swb_local_get(const char *url, uint64_t offset, uint64_t total, swb_http_sink sink,
                  void *context, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf path = SWB_BUF_INIT(PATH_MAX);
        _cleanup_free_ uint8_t *chunk = malloc(CHUNK_BYTES);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!chunk)
                return swb_oom(err);
        r = swb_local_path(url, &path, err);
        if (r < 0)
                return r;
        fd = open_payload((const char *)path.data, total, err);
        if (fd < 0)
                return fd;
        while (offset < total) {
                size_t n = (size_t)SWB_MIN(total - offset, (uint64_t)CHUNK_BYTES);

                r = swb_pread(fd, (const char *)path.data, chunk, n, offset, err);
                if (r >= 0)
                        r = sink(context, chunk, n, err);
                if (r < 0)
                        return r;
                offset += n;
        }
        return 0;
}
