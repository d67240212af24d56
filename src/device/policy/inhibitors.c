/* SPDX-License-Identifier: Apache-2.0 */
#include "device/policy/inhibitors.h"

int swb_inhibitors_add(struct swb_inhibitors *all, const struct swb_inhibition *one,
                       unsigned *ret_id, struct swb_error *err)
{
        if (all->n == SWB_INHIBITORS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_LIMIT, "there are %d inhibitors already",
                                SWB_INHIBITORS_MAX);
        all->list[all->n] = *one;
        all->list[all->n].id = *ret_id = ++all->last_id;
        all->n++;
        return 0;
}

void swb_inhibitors_remove(struct swb_inhibitors *all, unsigned id)
{
        for (size_t i = 0; i < all->n; i++)
                if (all->list[i].id == id) {
                        memmove(&all->list[i], &all->list[i + 1],
                                (all->n - i - 1) * sizeof(all->list[0]));
                        all->n--;
                        return;
                }
}

uint64_t swb_inhibition_left(const struct swb_inhibition *one, uint64_t now_usec,
                             const struct swb_deadline *deadline, uint64_t max_inhibit_usec)
{
        uint64_t held = now_usec - SWB_MIN(one->since_usec, now_usec);
        uint64_t longest = SWB_MIN(one->max_usec, max_inhibit_usec);
        bool came_late = deadline->is_set && deadline->late_usec > held;

        if (came_late && deadline->late_usec - held >= max_inhibit_usec)
                return 0;
        if (came_late)
                longest = SWB_MIN(longest, max_inhibit_usec - (deadline->late_usec - held));
        return longest > held ? longest - held : 0;
}

void swb_inhibitors_tell(const struct swb_inhibitors *all, uint64_t now_usec,
                         const struct swb_deadline *deadline, uint64_t max_inhibit_usec,
                         struct swb_policy_facts *ret)
{
        for (size_t i = 0; i < all->n; i++)
                ret->inhibitors[i] = (struct swb_inhibitor){
                        .who = all->list[i].who,
                        .why = all->list[i].why,
                        .gates = all->list[i].gates,
                        .left_usec = swb_inhibition_left(&all->list[i], now_usec, deadline,
                                                         max_inhibit_usec),
                };
        ret->n_inhibitors = all->n;
}
