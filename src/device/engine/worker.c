/* SPDX-License-Identifier: Apache-2.0 */
#include "device/engine/worker.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include "os/process.h"

/* Messages taken in one go, before other event sources have their turn. */
#define MESSAGES_IN_A_ROW 16
#define TIMER_ACCURACY_USEC 50000

struct swb_worker {
        struct swb_worker_job job; /* argv, user and descriptors are not valid after the start */
        sd_event *event;           /* borrowed */
        struct swb_dialogue dialogue;
        struct swb_message outcome; /* with dialogue.has_outcome */
        struct swb_error forced;    /* why we ended it; code 0: we did not */
        bool is_asked;              /* SIGTERM was sent */
        bool is_hurried;
        bool runs;
        uint64_t advanced_usec; /* when it last made progress */
        pid_t pid;
        int control;
        sd_event_source *io, *exit, *timer;
};

static const char *name_of(const struct swb_worker *w)
{
        return swb_worker_kind_to_string(w->job.kind);
}

static uint64_t now_usec(const struct swb_worker *w)
{
        uint64_t now = 0;

        (void)sd_event_now(w->event, CLOCK_MONOTONIC, &now); /* can't fail for this clock */
        return now;
}

static void set_timer(struct swb_worker *w, uint64_t usec)
{
        (void)sd_event_source_set_time(w->timer, now_usec(w) + usec);
        (void)sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static void signal_group(struct swb_worker *w, int number)
{
        /* Not reaped yet, so the number can't be somebody else's. */
        if (w->runs)
                (void)kill(-w->pid, number);
}

/* For misbehaviour: no time to tidy up. */
static void put_down(struct swb_worker *w, const struct swb_error *why)
{
        if (w->forced.code == 0)
                w->forced = *why;
        (void)sd_event_source_set_enabled(w->io, SD_EVENT_OFF);
        signal_group(w, SIGKILL);
}

void swb_worker_stop(struct swb_worker *worker, const struct swb_error *why)
{
        if (worker->is_asked || worker->forced.code != 0)
                return;
        worker->is_asked = true;
        worker->forced = *why;
        signal_group(worker, SIGTERM);
        set_timer(worker, SWB_WORKER_GRACE_USEC);
}

bool swb_worker_has_outcome(const struct swb_worker *worker)
{
        return worker->dialogue.has_outcome;
}

void swb_worker_touch(struct swb_worker *worker)
{
        if (!worker->is_asked && !worker->is_hurried && !worker->dialogue.has_outcome &&
            worker->forced.code == 0)
                set_timer(worker, worker->job.silence_usec);
}

void swb_worker_hurry(struct swb_worker *worker)
{
        if (worker->is_asked || worker->dialogue.has_outcome)
                return;
        worker->is_hurried = true;
        set_timer(worker, SWB_WORKER_GRACE_USEC);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
        struct swb_worker *w = userdata;
        struct swb_error why = SWB_ERROR_INIT;

        (void)source;
        (void)usec;
        if (w->is_asked)
                (void)swb_fail(&why, -ETIMEDOUT, SWB_FAULT_TIMEOUT, "%s did not stop when asked",
                               name_of(w));
        else if (w->dialogue.has_outcome || w->is_hurried)
                (void)swb_fail(&why, -ETIMEDOUT, SWB_FAULT_TIMEOUT,
                               "%s did not end when all was done", name_of(w));
        else
                (void)swb_fail(&why, -ETIMEDOUT, SWB_FAULT_TIMEOUT, "%s made no progress for %u s",
                               name_of(w), (unsigned)(w->job.silence_usec / 1000000));
        put_down(w, &why);
        return 0;
}

/* Return: 1 a message was heard, 0 nothing more for now, < 0 the dialogue is over. */
static int hear_one(struct swb_worker *w)
{
        char text[SWB_MESSAGE_BYTES_MAX + 1]; /* one more, so that a longer one shows */
        struct swb_error err = SWB_ERROR_INIT;
        struct swb_message message;
        ssize_t n;

        n = recv(w->control, text, sizeof(text), MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -ENOTCONN;
        if (swb_dialogue_hear(&w->dialogue, text, (size_t)n, now_usec(w), &message, &err) < 0) {
                put_down(w, &err);
                return err.code;
        }
        if (message.type == SWB_MESSAGE_OUTCOME) {
                w->outcome = message;
                set_timer(w, SWB_WORKER_GRACE_USEC);
                return 1;
        }
        if (w->dialogue.has_advanced)
                w->advanced_usec = now_usec(w);
        if (w->dialogue.has_advanced ||
            (w->job.talk_is_progress && now_usec(w) - w->advanced_usec < SWB_WORKER_TALK_USEC))
                swb_worker_touch(w);
        if (w->job.heard && !w->is_asked)
                w->job.heard(w->job.context, &message);
        return 1;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct swb_worker *w = userdata;
        int r = 1;

        (void)fd;
        (void)revents;
        for (int i = 0; i < MESSAGES_IN_A_ROW && r > 0; i++)
                r = hear_one(w);
        if (r >= 0)
                return 0;
        /* It has nothing more to say; now it may take a moment to end. */
        (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
        if (w->forced.code == 0)
                set_timer(w, SWB_WORKER_GRACE_USEC);
        return 0;
}

/* Sent by somebody, not earned by a mistake of its own. */
static bool is_from_outside(int number)
{
        return number == SIGKILL || number == SIGTERM || number == SIGINT || number == SIGHUP;
}

static int judge_exit(struct swb_worker *w, const siginfo_t *info, struct swb_error *err)
{
        bool has_outcome = w->dialogue.has_outcome;

        if (has_outcome && !w->outcome.ok) {
                *err = w->outcome.cause;
                return err->code;
        }
        if (w->forced.code < 0) {
                *err = w->forced;
                return err->code;
        }
        if (info->si_code != CLD_EXITED)
                return swb_fail(err, -EPROTO,
                                is_from_outside(info->si_status) ? SWB_FAULT_CANCELLED
                                                                 : SWB_FAULT_INTERNAL,
                                "%s was killed by signal %d (%s)", name_of(w), info->si_status,
                                strsignal(info->si_status));
        if (w->job.kind == SWB_WORKER_COMMAND && info->si_status != 0)
                return swb_fail(err, -EIO, SWB_FAULT_IO, "ended with status %d", info->si_status);
        if (w->job.kind != SWB_WORKER_COMMAND && !has_outcome)
                return swb_fail(err, -EPROTO, SWB_FAULT_INTERNAL,
                                "%s ended with status %d and told no outcome", name_of(w),
                                info->si_status);
        if (info->si_status != 0)
                return swb_fail(err, -EPROTO, SWB_FAULT_PROTOCOL,
                                "%s claims success but ended with status %d", name_of(w),
                                info->si_status);
        return 0;
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *userdata)
{
        struct swb_worker *w = userdata;
        struct swb_worker_end end = {0};
        int r = 1;

        (void)source;
        /* What it said before it went. The dialogue's own limits bound this. */
        while (w->control >= 0 && w->forced.code == 0 && r > 0)
                r = hear_one(w);
        signal_group(w, SIGKILL); /* whatever it left behind in its group */
        w->runs = false;
        end.ok = judge_exit(w, info, &end.cause) >= 0;
        end.has_crashed = !w->dialogue.has_outcome && w->forced.code == 0;
        if (w->dialogue.has_outcome) {
                end.outcome = &w->outcome;
                end.http_status = w->outcome.http_status;
                end.retry_after_usec = w->outcome.retry_after_usec;
        }
        w->job.ended(w->job.context, &end); /* w may be gone now */
        return 0;
}

static int watch(struct swb_worker *w, struct swb_error *err)
{
        int r = sd_event_add_child(w->event, &w->exit, w->pid, WEXITED, on_exit_of, w);

        if (r >= 0)
                r = sd_event_source_set_priority(w->exit, w->job.priority);
        if (r >= 0 && w->control >= 0)
                r = sd_event_add_io(w->event, &w->io, w->control, EPOLLIN, on_io, w);
        if (r >= 0 && w->io)
                r = sd_event_source_set_priority(w->io, w->job.priority);
        if (r >= 0)
                r = sd_event_add_time_relative(w->event, &w->timer, CLOCK_MONOTONIC,
                                               w->job.silence_usec, TIMER_ACCURACY_USEC, on_timer,
                                               w);
        return r < 0 ? swb_fail_errno(err, r, "watch %s", name_of(w)) : 0;
}

/* Adds --control and starts it. */
static int start_process(struct swb_worker *w, struct swb_error *err)
{
        struct swb_process process = SWB_PROCESS_INIT;
        const char *argv[SWB_WORKER_ARGS_MAX + 2];
        _cleanup_close_ int theirs = -EBADF;
        char option[32];
        size_t n = 0;
        int ends[2], r;

        for (; w->job.argv[n]; n++) {
                swb_assert(n < SWB_WORKER_ARGS_MAX);
                argv[n] = w->job.argv[n];
        }
        if (w->job.kind != SWB_WORKER_COMMAND) {
                if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                        return swb_fail_errno(err, errno, "open a control socket");
                w->control = ends[0];
                theirs = ends[1];
                (void)snprintf(option, sizeof(option), "--control=%d", SWB_PROCESS_EXTRA_FD);
                argv[n++] = option;
        }
        argv[n] = NULL;
        process.argv = argv;
        process.input = w->job.input;
        process.output = w->job.output;
        process.extra = theirs;
        process.user = w->job.user;
        r = swb_process_start(&process, &w->pid, err);
        if (r >= 0)
                w->runs = true;
        return r;
}

int swb_worker_start(sd_event *event, const struct swb_worker_job *job, struct swb_worker **ret,
                     struct swb_error *err)
{
        _cleanup_(swb_worker_freep) struct swb_worker *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return swb_oom(err);
        w->job = *job;
        w->event = event;
        w->control = -EBADF;
        w->dialogue.kind = job->kind;
        w->dialogue.payload_bytes = job->payload_bytes;
        w->advanced_usec = now_usec(w);
        r = start_process(w, err);
        if (r < 0)
                return r;
        r = watch(w, err);
        if (r < 0)
                return r;
        *ret = SWB_TAKE_PTR(w);
        return 0;
}

struct swb_worker *swb_worker_free(struct swb_worker *worker)
{
        if (!worker)
                return NULL;
        worker->io = sd_event_source_disable_unref(worker->io);
        worker->exit = sd_event_source_disable_unref(worker->exit);
        worker->timer = sd_event_source_disable_unref(worker->timer);
        if (worker->runs) {
                signal_group(worker, SIGKILL);
                (void)waitpid(worker->pid, NULL, 0);
        }
        worker->control = swb_close(worker->control);
        free(worker);
        return NULL;
}
