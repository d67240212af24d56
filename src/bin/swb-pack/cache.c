/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/cache.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/text.h"
#include "os/file.h"

#define SELF "/proc/self/exe"

int swb_choose_cache(const char *folder, uint64_t max_bytes, char text[static SWB_SHA256_HEX],
                     struct swb_cache_config *config, struct swb_error *err)
{
        _cleanup_(swb_closep) int fd = open(SELF, O_RDONLY | O_CLOEXEC);
        uint8_t digest[SWB_SHA256_BYTES];
        uint64_t n_bytes;
        int r;

        if (fd < 0)
                return swb_fail_errno(err, errno, "option --cache: open '%s', the program itself",
                                      SELF);
        r = swb_fd_size(fd, SELF, &n_bytes, err);
        if (r == 0)
                r = swb_sha256_fd(fd, SELF, n_bytes, digest, err);
        if (r < 0)
                return r;
        swb_hex_encode(digest, sizeof(digest), text);
        *config = (struct swb_cache_config){.folder = folder, .max_bytes = max_bytes, .tool = text};
        return 0;
}

void swb_log_cache(const char *folder, const struct swb_cache_counts *counts)
{
        if (counts->n_damaged > 0)
                swb_log(SWB_LOG_NOTICE,
                        "cache '%s': %" PRIu64 " damaged entries were dropped and made anew",
                        folder, counts->n_damaged);
        if (*counts->trouble)
                swb_log(SWB_LOG_WARNING, "cache '%s': not all was stored: %s", folder,
                        counts->trouble);
}
