/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/build_time.h"

#include <inttypes.h>
#include <time.h>

#include "base/text.h"

#define LATEST UINT64_C(0x37fffffff) /* of ext4, in the year 2446 */

int swb_build_time(uint64_t option, bool allow_now, int64_t *ret, struct swb_error *err)
{
        const char *text = getenv("SOURCE_DATE_EPOCH");
        uint64_t seconds = option;

        if (seconds == 0 && text && swb_parse_u64(text, &seconds) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "SOURCE_DATE_EPOCH='%s' is not a number of seconds", text);
        if (seconds == 0 && allow_now)
                seconds = (uint64_t)time(NULL);
        if (seconds == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "the time of the build is missing: give --timestamp, or set "
                                "SOURCE_DATE_EPOCH (such as the time of the last commit)");
        if (seconds > LATEST)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "the time of the build, %" PRIu64 ", is too late for ext4",
                                seconds);
        *ret = (int64_t)seconds;
        return 0;
}
