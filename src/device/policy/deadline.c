/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/deadline.h"

#define SECOND UINT64_C(1000000)
#define MINUTE (60 * SECOND)

/* Return: whether the text is a time. */
static bool parse_time(const char *text, uint64_t *ret_wall_usec)
{
        static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d"};

        for (size_t i = 0; i < SWB_ELEMENTS(forms); i++) {
                struct tm tm = {0};
                const char *end = strptime(text, forms[i], &tm);
                time_t sec = end && *end == '\0' ? timegm(&tm) : -1;

                if (sec >= 0) {
                        *ret_wall_usec = (uint64_t)sec * SECOND;
                        return true;
                }
        }
        return false;
}

static struct swb_deadline at(uint64_t when, uint64_t now)
{
        return (struct swb_deadline){.is_set = true,
                                     .left_usec = when > now ? when - now : 0,
                                     .late_usec = now > when ? now - when : 0};
}

static struct swb_deadline servers(const char *text, uint64_t age_usec, uint64_t wall_usec,
                                   bool wall_is_sane)
{
        uint64_t when;

        if (text[0] == '\0')
                return (struct swb_deadline){0};
        if (!parse_time(text, &when))
                return at(0, age_usec);
        if (!wall_is_sane)
                return (struct swb_deadline){0};
        /* What was late before we heard of it is late since then. */
        return at(SWB_MAX(when, wall_usec - SWB_MIN(age_usec, wall_usec)), wall_usec);
}

struct swb_deadline swb_deadline(const struct swb_config *config, const char *server_text,
                                 uint64_t age_usec, uint64_t wall_usec, bool wall_is_sane)
{
        struct swb_deadline deadline = servers(server_text, age_usec, wall_usec, wall_is_sane);
        struct swb_deadline own = at(config->policy.deadline_usec, age_usec);

        if (config->policy.deadline_usec == 0)
                return deadline;
        if (!deadline.is_set || own.left_usec < deadline.left_usec ||
            own.late_usec > deadline.late_usec)
                return own;
        return deadline;
}

unsigned swb_deadline_warnings(const struct swb_deadline *deadline, uint64_t *ret_next_usec)
{
        static const uint64_t before[] = {24 * 60 * MINUTE, 60 * MINUTE, 10 * MINUTE};
        unsigned n = 0;

        *ret_next_usec = UINT64_MAX;
        if (!deadline->is_set || deadline->left_usec == 0)
                return 0;
        while (n < SWB_ELEMENTS(before) && deadline->left_usec <= before[n])
                n++;
        if (n < SWB_ELEMENTS(before))
                *ret_next_usec = deadline->left_usec - before[n];
        return n;
}
