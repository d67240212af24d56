/* SPDX-License-Identifier: Apache-2.0 */
#include "device/doctor/doctor.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "device/doctor/findings.h"

#define SECOND UINT64_C(1000000)
/* Nobody runs this before it was written. */
#define EARLIEST UINT64_C(1704067200) /* 2024-01-01 */
#define LATEST_YEARS 25               /* after the build */
#define YEAR UINT64_C(31557600)

static void format_day(uint64_t seconds, char text[32])
{
        time_t time = (time_t)seconds;
        struct tm tm;

        if (!gmtime_r(&time, &tm) || strftime(text, 32, "%Y-%m-%d", &tm) == 0)
                (void)snprintf(text, 32, "%" PRIu64, seconds);
}

static void check_clock(const struct swb_doctor *doctor, struct swb_diagnosis *diagnosis)
{
        uint64_t built = SWB_MAX(doctor->config->device.build_timestamp, EARLIEST);
        uint64_t now = doctor->wall_usec / SECOND;
        char now_text[32], built_text[32];

        format_day(now, now_text);
        format_day(built, built_text);
        if (now < built)
                swb_diagnosis_add(diagnosis, SWB_FINDING_CLOCK_BEHIND,
                                  "the clock shows %s, which is before this system was built (%s)",
                                  now_text, built_text);
        else if (now > built + LATEST_YEARS * YEAR)
                swb_diagnosis_add(diagnosis, SWB_FINDING_CLOCK_AHEAD,
                                  "the clock shows %s, which is %d years after this system was "
                                  "built (%s)",
                                  now_text, LATEST_YEARS, built_text);
}

/* The folder itself is made by the engine, which has it locked when it asks. */
static void check_state_folder(const struct swb_doctor *doctor, struct swb_diagnosis *diagnosis)
{
        const char *path = doctor->config->device.state_dir;

        if (access(path, W_OK | X_OK) < 0)
                swb_diagnosis_add(diagnosis, SWB_FINDING_STATE_FOLDER,
                                  "the state folder '%s' can't be written: %s", path,
                                  strerror(errno));
}

int swb_doctor_examine(const struct swb_doctor *doctor, struct swb_diagnosis **ret,
                       struct swb_error *err)
{
        _cleanup_(swb_diagnosis_freep) struct swb_diagnosis *diagnosis =
                calloc(1, sizeof(*diagnosis));
        struct swb_error cause = SWB_ERROR_INIT;
        struct swb_facts facts, *known = NULL;

        if (!diagnosis)
                return swb_oom(err);
        if (swb_facts_load(doctor->config, &facts, &cause) < 0)
                swb_diagnosis_add(diagnosis, SWB_FINDING_FACTS_UNKNOWN, "%s", cause.text);
        else
                known = &facts;
        swb_doctor_check_boot(doctor, known, diagnosis);
        swb_doctor_check_slots(doctor, known, diagnosis);
        check_state_folder(doctor, diagnosis);
        check_clock(doctor, diagnosis);
        *ret = SWB_TAKE_PTR(diagnosis);
        return 0;
}
