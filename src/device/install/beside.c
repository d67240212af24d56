/* SPDX-License-Identifier: Apache-2.0 */
#include "device/install/beside.h"

#include "device/install/worker.h"

struct swb_beside {
        struct swb_worker worker;
        void (*work)(void *context); /* NULL: none, or it is done */
        void *context;
};

static void run(void *context)
{
        struct swb_beside *beside = context;
        struct swb_worker *worker = &beside->worker;

        while (!worker->stop) {
                if (!beside->work) {
                        swb_worker_wait(worker);
                        continue;
                }
                swb_worker_unlock(worker);
                beside->work(beside->context);
                swb_worker_lock(worker);
                beside->work = NULL;
                swb_worker_tell(worker);
        }
}

int swb_beside_new(struct swb_beside **ret, struct swb_error *err)
{
        struct swb_beside *beside = calloc(1, sizeof(*beside));
        int r;

        if (!beside)
                return swb_oom(err);
        r = swb_worker_start(&beside->worker, run, beside, err);
        if (r < 0) {
                free(beside);
                return r;
        }
        *ret = beside;
        return 0;
}

struct swb_beside *swb_beside_free(struct swb_beside *beside)
{
        if (!beside)
                return NULL;
        swb_worker_end(&beside->worker);
        free(beside);
        return NULL;
}

void swb_beside_start(struct swb_beside *beside, void (*work)(void *context), void *context)
{
        swb_worker_lock(&beside->worker);
        swb_assert(!beside->work);
        beside->work = work;
        beside->context = context;
        swb_worker_tell(&beside->worker);
        swb_worker_unlock(&beside->worker);
}

void swb_beside_wait(struct swb_beside *beside)
{
        swb_worker_lock(&beside->worker);
        while (beside->work)
                swb_worker_wait(&beside->worker);
        swb_worker_unlock(&beside->worker);
}
