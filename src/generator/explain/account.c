/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/explain/account.h"

void swb_account_add(struct swb_account *account, enum swb_class class, enum swb_lot lot,
                     unsigned stream, uint64_t bytes)
{
        account->bytes[class][lot][stream] += bytes;
}

void swb_account_add_share(struct swb_account *account, enum swb_class class,
                           const struct swb_share *share)
{
        for (unsigned i = 0; i < SWB_SHARE_STREAMS; i++)
                swb_account_add(account, class, (enum swb_lot)share->lot, i, share->packed[i]);
}

uint64_t swb_account_of_stream(const struct swb_account *account, enum swb_class class,
                               enum swb_lot lot, unsigned stream)
{
        uint64_t sum = 0;

        for (int c = 0; c < _SWB_CLASS_MAX; c++)
                for (int l = 0; l < _SWB_LOT_MAX; l++)
                        if ((class == _SWB_CLASS_MAX || (int)class == c) &&
                            (lot == _SWB_LOT_MAX || (int)lot == l))
                                sum += account->bytes[c][l][stream];
        return sum;
}

uint64_t swb_account_of_group(const struct swb_account *account, enum swb_class class,
                              enum swb_lot lot, enum swb_account_group group)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < SWB_ACCOUNT_STREAMS; i++)
                if (swb_account_group_of(i) == group)
                        sum += swb_account_of_stream(account, class, lot, i);
        return sum;
}

uint64_t swb_account_sum(const struct swb_account *account, enum swb_class class, enum swb_lot lot)
{
        uint64_t sum = 0;

        for (unsigned i = 0; i < SWB_ACCOUNT_STREAMS; i++)
                sum += swb_account_of_stream(account, class, lot, i);
        return sum;
}

static const struct {
        const char *name;
        enum swb_account_group group;
} streams[] = {
        [SWB_SWD2_PLAN] = {"plan", SWB_GROUP_CONTROL},
        [SWB_SWD2_COPIES] = {"lengths of copies", SWB_GROUP_CONTROL},
        [SWB_SWD2_NEWS] = {"lengths of new bytes", SWB_GROUP_CONTROL},
        [SWB_SWD2_MOVES] = {"moves", SWB_GROUP_CONTROL},
        [SWB_SWD2_DIFFERENCES] = {"differences", SWB_GROUP_DIFFERENCES},
        [SWB_SWD2_NEW_BYTES] = {"new bytes", SWB_GROUP_NEW_BYTES},
        [SWB_SWD2_CORRECTIONS] = {"corrections", SWB_GROUP_CORRECTIONS},
        [SWB_SHARE_HEADS] = {"heads", SWB_GROUP_HEADS},
        [SWB_ACCOUNT_PACKED] = {"packed", SWB_GROUP_PACKED},
        [SWB_ACCOUNT_PATCHES] = {"patches", SWB_GROUP_PATCHES},
};

/* All corrections have one entry of the table. */
static unsigned row(unsigned stream)
{
        return stream > SWB_SWD2_CORRECTIONS && stream < SWB_SHARE_HEADS ? SWB_SWD2_CORRECTIONS
                                                                         : stream;
}

const char *swb_account_stream_name(unsigned stream)
{
        return streams[row(stream)].name;
}

const char *swb_account_stream_kind(unsigned stream)
{
        return row(stream) == SWB_SWD2_CORRECTIONS
                       ? swb_predictor_kind((uint8_t)(stream - SWB_SWD2_CORRECTIONS))
                       : NULL;
}

enum swb_account_group swb_account_group_of(unsigned stream)
{
        return streams[row(stream)].group;
}

const char *swb_account_group_to_string(enum swb_account_group group)
{
        static const char *const names[_SWB_GROUP_MAX] = {
                [SWB_GROUP_CONTROL] = "control",     [SWB_GROUP_DIFFERENCES] = "differences",
                [SWB_GROUP_NEW_BYTES] = "new bytes", [SWB_GROUP_CORRECTIONS] = "corrections",
                [SWB_GROUP_PACKED] = "packed",       [SWB_GROUP_HEADS] = "heads",
                [SWB_GROUP_PATCHES] = "patches",
        };

        swb_assert(group >= 0 && group < _SWB_GROUP_MAX);
        return names[group];
}
