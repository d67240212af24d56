/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/signalfd.h>

#include "base/log.h"
#include "base/text.h"
#include "bin/swb-install/confine.h"
#include "bin/swb-install/install.h"
#include "bin/swb-install/memory.h"
#include "bin/swb-install/report.h"
#include "bin/swb-install/wants.h"
#include "device/install/installer.h"
#include "omaha/abilities.h"
#include "open/encoder.h"
#include "os/file.h"

#define READ_BYTES (256u << 10)
/* Lets the download go on while an operation is applied. */
#define PIPE_BYTES (1 << 20)
/* Of what an operation leaves of the default limit: with a lower one there is nothing left. */
#define WRITE_AHEAD_BYTES ((uint64_t)8 << 20)
#define WRITE_AHEAD_LIMIT_BYTES ((uint64_t)64 << 20)

struct job {
        const struct install_options *options;
        struct report report;
        struct swb_keyring *keys;
        char slot_names[SWB_PARTITIONS_MAX][SWB_PARTITION_NAME_MAX + 1];
        struct swb_install_slot slots[SWB_PARTITIONS_MAX];
        size_t n_slots;
        uint8_t payload_hash[SWB_SHA256_BYTES];
        int signal_fd;
        int input_fd;
        const char *input_name;
        struct wants wants; /* with --pieces */
};

static void job_done(struct job *job)
{
        job->keys = swb_keyring_free(job->keys);
        job->signal_fd = swb_close(job->signal_fd);
        job->input_fd = swb_close(job->input_fd);
}

/* ---- command line ---- */

/* "NAME=PATH": copies the name; the path is borrowed. */
static int split(const char *option, const char *text, char *name, const char **ret_path,
                 struct swb_error *err)
{
        const char *equals = strchr(text, '=');
        size_t n = equals ? (size_t)(equals - text) : 0;

        if (n == 0 || n > SWB_PARTITION_NAME_MAX || equals[1] == '\0')
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --%s: '%s' is not NAME=PATH with a name of at most %d "
                                "characters",
                                option, text, SWB_PARTITION_NAME_MAX);
        memcpy(name, text, n);
        name[n] = '\0';
        *ret_path = equals + 1;
        return 0;
}

static int add_source(struct job *job, const char *text, struct swb_error *err)
{
        char name[SWB_PARTITION_NAME_MAX + 1];
        const char *path;
        int r;

        r = split("source", text, name, &path, err);
        if (r < 0)
                return r;
        for (size_t i = 0; i < job->n_slots; i++)
                if (strcmp(job->slots[i].partition, name) == 0) {
                        job->slots[i].source = path;
                        job->slots[i].source_optional = job->options->pieces;
                        return 0;
                }
        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                        "option --source: there is no --slot for partition '%s'", name);
}

static int read_slots(struct job *job, struct swb_error *err)
{
        const struct swb_opt_list *list = &job->options->slots;
        int r = 0;

        if (list->n > SWB_PARTITIONS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "more than %d slots",
                                SWB_PARTITIONS_MAX);
        for (size_t i = 0; i < list->n && r >= 0; i++) {
                struct swb_install_slot *slot = &job->slots[job->n_slots++];

                slot->partition = job->slot_names[i];
                r = split("slot", list->items[i], job->slot_names[i], &slot->target, err);
        }
        for (size_t i = 0; i < job->options->sources.n && r >= 0; i++)
                r = add_source(job, job->options->sources.items[i], err);
        return r;
}

static int check_options(const struct install_options *options, struct swb_error *err)
{
        if (options->slots.n == 0 || !options->keys)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "option --%s is missing",
                                options->keys ? "slot" : "keys");
        return 0;
}

static int read_options(struct job *job, struct swb_error *err)
{
        const struct install_options *options = job->options;
        int r;

        r = check_options(options, err);
        if (r < 0)
                return r;
        r = read_slots(job, err);
        if (r < 0)
                return r;
        if (options->payload_hash &&
            swb_hex_decode(options->payload_hash, job->payload_hash, sizeof(job->payload_hash)) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "option --payload-hash: '%s' is not a SHA-256 in hex",
                                options->payload_hash);
        if (options->min_timestamp > INT64_MAX)
                return swb_fail(err, -ERANGE, SWB_FAULT_USAGE,
                                "option --min-timestamp: out of range");
        r = swb_keyring_new(&job->keys, err);
        if (r >= 0)
                r = swb_keyring_add_dir(job->keys, options->keys, err);
        return r < 0 ? r : swb_keyring_require(job->keys, options->required_signatures, err);
}

/* ---- input and signals ---- */

static int open_signals(struct job *job, struct swb_error *err)
{
        sigset_t set;

        (void)sigemptyset(&set);
        (void)sigaddset(&set, SIGTERM);
        (void)sigaddset(&set, SIGINT);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return swb_fail_errno(err, errno, "block signals");
        job->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (job->signal_fd < 0)
                return swb_fail_errno(err, errno, "signalfd");
        return 0;
}

static int open_input(struct job *job, uint64_t offset, struct swb_error *err)
{
        const char *path = job->options->input;

        job->input_name = path ? path : "standard input";
        if (!path) {
                job->input_fd = STDIN_FILENO;
                (void)fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE_BYTES); /* if it is one, if allowed */
                return 0;
        }
        job->input_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (job->input_fd < 0)
                return swb_fail_errno(err, errno, "open '%s'", path);
        if (offset > 0 && lseek(job->input_fd, (off_t)offset, SEEK_SET) < 0)
                return swb_fail_errno(err, errno, "go to byte %" PRIu64 " of '%s'", offset, path);
        return 0;
}

/* Waits for input (timeout -1) or not at all (0). Return: 1 when somebody wants us to stop. */
static int wait_for_input(const struct job *job, bool input, int timeout_msec)
{
        struct pollfd fds[] = {
                {.fd = job->signal_fd, .events = POLLIN},
                {.fd = job->report
                               .control_fd}, /* poll() skips it if negative; hang-up is the end */
                {.fd = input ? job->input_fd : -1, .events = POLLIN},
        };

        while (poll(fds, SWB_ELEMENTS(fds), timeout_msec) < 0)
                if (errno != EINTR && errno != EAGAIN)
                        return 1;
        return (fds[0].revents & POLLIN) || fds[1].revents != 0;
}

static bool is_cancelled(void *context)
{
        struct job *job = context;

        return job->report.deaf || wait_for_input(job, false, 0) > 0;
}

/* ---- the work ---- */

static void on_progress(void *context, const struct swb_install_progress *progress)
{
        struct job *job = context;

        report_progress(&job->report, progress);
}

static void on_notice(void *context, const char *text)
{
        (void)context;
        swb_log(SWB_LOG_WARNING, "%s", text);
}

/* Return: 1 when there are bytes to wait for. What needs none is done meanwhile. */
static int ask(struct job *job, struct swb_installer *installer, struct swb_error *err)
{
        int r;

        if (!swb_installer_is_by_pieces(installer))
                return 1;
        r = wants_ask(&job->wants, installer, err);
        if (r == 0)
                r = swb_installer_feed(installer, NULL, 0, err);
        return r;
}

static ssize_t read_input(struct job *job, const struct swb_installer *installer, uint8_t *data,
                          struct swb_error *err)
{
        if (!job->options->pieces)
                return swb_read_some(job->input_fd, job->input_name, data, READ_BYTES, err);
        return wants_read(&job->wants, swb_installer_is_by_pieces(installer), data, READ_BYTES,
                          err);
}

static int feed_all(struct job *job, struct swb_installer *installer, struct swb_error *err)
{
        _cleanup_free_ uint8_t *data = malloc(READ_BYTES);
        ssize_t n;
        int r;

        if (!data)
                return swb_oom(err);
        while (!swb_installer_is_fed(installer)) {
                r = ask(job, installer, err);
                if (r <= 0)
                        return r;
                if (job->report.deaf || wait_for_input(job, true, -1) > 0) {
                        r = swb_installer_suspend(installer, err);
                        return r < 0 ? r
                                     : swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED,
                                                "stopped on request");
                }
                n = read_input(job, installer, data, err);
                if (n <= 0)
                        return (int)n;
                r = swb_installer_feed(installer, data, (size_t)n, err);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int install(struct job *job, struct swb_installer *installer, struct swb_error *err)
{
        int r = 0;

        if (job->options->pieces)
                r = wants_begin(&job->wants, installer, err);
        report_need(&job->report, swb_installer_offset(installer));
        if (r >= 0)
                r = feed_all(job, installer, err);
        if (job->options->pieces)
                wants_end(&job->wants);
        return r < 0 ? r : swb_installer_finish(installer, err);
}

static const char *find_version(const struct swb_manifest *manifest)
{
        for (size_t i = 0; manifest && i < manifest->n_partitions; i++)
                if (*manifest->partitions[i].version)
                        return manifest->partitions[i].version;
        return "";
}

static int run(struct job *job, struct swb_error *err)
{
        const struct install_options *options = job->options;
        const bool has_room =
                options->memory_limit == 0 || options->memory_limit >= WRITE_AHEAD_LIMIT_BYTES;
        _cleanup_(swb_installer_freep) struct swb_installer *installer = NULL;
        struct swb_install_config config = {
                .slots = job->slots,
                .state_dir = options->state,
                .payload_hash = options->payload_hash ? job->payload_hash : NULL,
                .payload_bytes = options->payload_bytes,
                .expect_version = options->expect_version,
                .min_timestamp = (int64_t)options->min_timestamp,
                .checkpoint_bytes = options->checkpoint_bytes,
                .open_memory_bytes = SWB_MAX(options->open_memory, UINT64_C(1)),
                .open_scratch_bytes = SWB_MAX(options->open_scratch, UINT64_C(1)),
                .pieces = options->pieces,
                .overlap = options->cores > 1,
                .write_ahead_bytes = has_room ? WRITE_AHEAD_BYTES : 0,
                .progress = on_progress,
                .notice = on_notice,
                .cancelled = is_cancelled,
                .context = job,
        };
        int r;

        r = confine_process(options->foreground, err);
        if (r >= 0)
                r = read_options(job, err);
        if (r >= 0)
                r = open_signals(job, err);
        if (r < 0)
                return r;
        config.n_slots = job->n_slots;
        config.keys = job->keys;
        r = swb_installer_new(&config, &installer, err);
        if (r < 0)
                return r;
        if (!options->print_offset)
                r = open_input(job, swb_installer_offset(installer), err);
        if (r >= 0 && options->pieces && !options->print_offset)
                r = wants_init(&job->wants, job->input_fd, job->input_name, err);
        if (r >= 0)
                r = confine_rest(options->state, err); /* all is open */
        if (r < 0)
                return r;
        if (options->print_offset) {
                (void)printf("%" PRIu64 "\n", swb_installer_offset(installer));
                return 0;
        }
        r = install(job, installer, err);
        if (r >= 0)
                report_outcome(&job->report, NULL, find_version(swb_installer_manifest(installer)));
        return r;
}

/* What this build can, and what the options leave it. */
static int print_abilities(const struct install_options *options)
{
        char encoders[SWB_ENCODERS_TEXT_MAX], text[SWB_ABILITIES_TEXT_MAX];
        const struct swb_abilities abilities = {.minor = SWB_MINOR_OWN_LAST,
                                                .memory_bytes = options->open_memory,
                                                .scratch_bytes = options->open_scratch,
                                                .encoders = encoders};

        swb_encoders_list(encoders);
        (void)printf("%s\n", swb_abilities_format(&abilities, text));
        return SWB_EXIT_OK;
}

int install_run(const struct install_options *given, struct swb_error *err)
{
        struct install_options options = *given;
        _cleanup_(job_done) struct job job = {
                .options = &options, .signal_fd = -EBADF, .input_fd = -EBADF};
        int r = memory_settle(&options, err);

        if (r >= 0 && options.print_abilities)
                return print_abilities(&options);
        if (r >= 0)
                r = confine_memory(options.memory_limit, err);
        if (r >= 0)
                r = confine_streams(err);
        if (r >= 0)
                r = report_init(&job.report, options.control, err);
        if (r < 0)
                return r;
        r = run(&job, err);
        if (r < 0)
                report_outcome(&job.report, err, "");
        return r < 0 ? r : SWB_EXIT_OK;
}
