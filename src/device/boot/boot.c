/* SPDX-License-Identifier: Apache-2.0 */
#include "device/boot/boot.h"

#include <inttypes.h>

#include "base/text.h"
#include "device/boot/ops.h"

struct swb_boot {
        const struct swb_boot_ops *ops;
        void *state;
        char *place;
};

static const struct swb_boot_ops *const backends[] = {&swb_boot_uboot, &swb_boot_gpt,
                                                      &swb_boot_grub, &swb_boot_fake};

static const char *const slot_names[_SWB_SLOT_MAX] = {"A", "B"};

const char *swb_slot_to_string(enum swb_slot slot)
{
        return (int)slot < 0 || slot >= _SWB_SLOT_MAX ? "invalid" : slot_names[slot];
}

enum swb_slot swb_slot_from_string(const char *name)
{
        for (int i = 0; i < _SWB_SLOT_MAX; i++)
                if (strcmp(slot_names[i], name) == 0)
                        return (enum swb_slot)i;
        return _SWB_SLOT_INVALID;
}

bool swb_boot_is_candidate(const struct swb_slot_flags *flags)
{
        return flags->priority > 0 && (flags->successful || flags->tries > 0);
}

enum swb_slot swb_boot_choose(const struct swb_boot_flags *flags)
{
        const struct swb_slot_flags *a = &flags->slot[SWB_SLOT_A], *b = &flags->slot[SWB_SLOT_B];
        bool candidate_a = swb_boot_is_candidate(a), candidate_b = swb_boot_is_candidate(b);

        if (candidate_a != candidate_b)
                return candidate_a ? SWB_SLOT_A : SWB_SLOT_B;
        if (!candidate_a && a->successful != b->successful) /* recovery, BS-4 */
                return a->successful ? SWB_SLOT_A : SWB_SLOT_B;
        return b->priority > a->priority ? SWB_SLOT_B : SWB_SLOT_A;
}

int swb_boot_open(const char *backend, const char *place, struct swb_boot **ret,
                  struct swb_error *err)
{
        _cleanup_(swb_boot_closep) struct swb_boot *boot = NULL;
        const struct swb_boot_ops *ops = NULL;
        int r;

        for (size_t i = 0; i < SWB_ELEMENTS(backends); i++)
                if (strcmp(backends[i]->name, backend) == 0)
                        ops = backends[i];
        if (!ops)
                return swb_fail(err, -EINVAL, SWB_FAULT_CONFIG,
                                "boot back end '%s' is not known; there are 'uboot', 'gpt', 'grub' "
                                "and 'fake'",
                                backend);
        boot = calloc(1, sizeof(*boot));
        if (!boot)
                return swb_oom(err);
        boot->ops = ops;
        boot->place = strdup(place);
        if (!boot->place)
                return swb_oom(err);
        r = ops->open(place, &boot->state, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(boot);
        return 0;
}

struct swb_boot *swb_boot_close(struct swb_boot *boot)
{
        if (!boot)
                return NULL;
        if (boot->state)
                boot->ops->close(boot->state);
        free(boot->place);
        free(boot);
        return NULL;
}

int swb_boot_inspect(struct swb_boot *boot, struct swb_boot_flags *ret, struct swb_error *err)
{
        return boot->ops->read(boot->state, ret, err);
}

int swb_boot_read(struct swb_boot *boot, struct swb_boot_flags *ret, struct swb_error *err)
{
        int r = boot->ops->read(boot->state, ret, err);

        return SWB_MIN(r, 0);
}

static bool is_same(const struct swb_slot_flags *a, const struct swb_slot_flags *b)
{
        return a->priority == b->priority && a->tries == b->tries && a->successful == b->successful;
}

static bool is_valid(const struct swb_boot_flags *flags)
{
        for (int i = 0; i < _SWB_SLOT_MAX; i++)
                if (flags->slot[i].priority > SWB_BOOT_PRIORITY_MAX ||
                    flags->slot[i].tries > SWB_BOOT_TRIES_MAX)
                        return false;
        return true;
}

/* BS-7 */
static int read_back(struct swb_boot *boot, const struct swb_boot_flags *stored,
                     struct swb_error *err)
{
        struct swb_boot_flags flags;
        int r;

        r = boot->ops->read(boot->state, &flags, err);
        if (r < 0)
                return swb_wrap(err, r, "read back after a store");
        for (int i = 0; i < _SWB_SLOT_MAX; i++) {
                const struct swb_slot_flags *was = &flags.slot[i], *wanted = &stored->slot[i];

                if (!is_same(was, wanted))
                        return swb_fail(err, -EIO, SWB_FAULT_BOOT,
                                        "%s: slot %s reads back as priority %u, tries %u, "
                                        "successful %d after priority %u, tries %u, successful "
                                        "%d was stored",
                                        boot->place, slot_names[i], was->priority, was->tries,
                                        was->successful, wanted->priority, wanted->tries,
                                        wanted->successful);
        }
        return 0;
}

int swb_boot_store(struct swb_boot *boot, const struct swb_boot_flags *flags, struct swb_error *err)
{
        int r;

        if (!is_valid(flags))
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "boot flags outside 0 .. %d are to be stored",
                                SWB_BOOT_PRIORITY_MAX);
        r = boot->ops->store(boot->state, flags, err);
        if (r < 0)
                return r;
        return read_back(boot, flags, err);
}

int swb_boot_heal(struct swb_boot *boot, enum swb_slot running, unsigned tries,
                  struct swb_error *err)
{
        struct swb_boot_flags flags;
        int r;

        r = boot->ops->read(boot->state, &flags, err);
        if (r == 0)
                return 0;
        if (r == -ENODATA || r == -EBADMSG) {
                flags = (struct swb_boot_flags){0};
                flags.slot[running].priority = SWB_BOOT_PRIORITY_MAX;
                flags.slot[running].tries = tries;
        } else if (r < 0) {
                return r;
        }
        if (err)
                *err = SWB_ERROR_INIT;
        r = swb_boot_store(boot, &flags, err);
        /* Back ends that write the copies in turn have mended one of two by now. */
        if (r >= 0 && boot->ops->read(boot->state, &flags, NULL) == SWB_BOOT_DEGRADED)
                r = swb_boot_store(boot, &flags, err);
        return r < 0 ? r : SWB_BOOT_HEALED;
}

int swb_boot_mark_unbootable(struct swb_boot *boot, enum swb_slot slot, struct swb_error *err)
{
        struct swb_boot_flags flags;
        int r;

        r = swb_boot_read(boot, &flags, err);
        if (r < 0)
                return r;
        flags.slot[slot] = (struct swb_slot_flags){0};
        return swb_boot_store(boot, &flags, err);
}

int swb_boot_activate(struct swb_boot *boot, enum swb_slot slot, unsigned tries,
                      struct swb_error *err)
{
        struct swb_boot_flags flags;
        struct swb_slot_flags *other;
        int r;

        if (tries == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "slot %s can't be activated with no tries",
                                swb_slot_to_string(slot));
        r = swb_boot_read(boot, &flags, err);
        if (r < 0)
                return r;
        flags.slot[slot] =
                (struct swb_slot_flags){.priority = SWB_BOOT_PRIORITY_MAX, .tries = tries};
        other = &flags.slot[swb_slot_other(slot)];
        other->priority = SWB_MIN(other->priority, SWB_BOOT_PRIORITY_MAX - 1u);
        return swb_boot_store(boot, &flags, err);
}

int swb_boot_mark_good(struct swb_boot *boot, enum swb_slot slot, struct swb_error *err)
{
        struct swb_boot_flags flags;
        struct swb_slot_flags *good = &flags.slot[slot];
        int r;

        r = swb_boot_read(boot, &flags, err);
        if (r < 0)
                return r;
        if (good->successful && good->priority > 0)
                return 0;
        good->successful = true;
        good->priority = SWB_MAX(good->priority, 1u);
        return swb_boot_store(boot, &flags, err);
}
