/* SPDX-License-Identifier: Apache-2.0 */
#include "generator/layout/audit.h"

#include <stdarg.h>

#include "generator/layout/checks.h"

static const struct swb_flaw_text kinds[_SWB_FLAW_MAX] = {
        [SWB_FLAW_JOURNAL] = {"journal",
                              "a file system with a journal is written to when it is mounted, even "
                              "read-only after a power cut",
                              "make the image without one: mke2fs -O ^has_journal, or tune2fs -O "
                              "^has_journal"},
        [SWB_FLAW_UNCLEAN] = {"unclean", "the next e2fsck, or the kernel, will write to it",
                              "unmount it in order, then e2fsck -f; or make the image anew"},
        [SWB_FLAW_MOUNTED] = {"mounted",
                              "it was mounted for writing after it was made, so another build of "
                              "the same system differs",
                              "make the image from its tree (swb-pack make-image), and never mount "
                              "it"},
        [SWB_FLAW_FSTAB_WRITABLE] = {"root-writable",
                                     "the first write makes the slot differ from its hash, and the "
                                     "next delta fails",
                                     "give / the option ro in /etc/fstab"},
        [SWB_FLAW_CMDLINE_WRITABLE] = {"cmdline-writable",
                                       "the kernel mounts the slot for writing before fstab is "
                                       "read",
                                       "say ro instead of rw on the kernel's command line"},
        [SWB_FLAW_MOUNT_POINT] = {"mount-point-missing",
                                  "it can't be made on a read-only root, so the mount fails",
                                  "make the empty folder in the image"},
        [SWB_FLAW_VAR] =
                {"var-not-mounted",
                 "programs keep their state there, and it would lie in the slot: lost with "
                 "the next update, or not writable at all",
                 "mount the persistent partition on /var, or bind its folders there, or a "
                 "tmpfs for what may be lost"},
        [SWB_FLAW_MACHINE_ID] = {"machine-id",
                                 "each device must have its own, and keep it over updates",
                                 "leave /etc/machine-id empty and bind it from the persistent "
                                 "partition, where the first boot makes it"},
        [SWB_FLAW_RESOLV_CONF] = {"resolv-conf",
                                  "whatever configures the network wants to write it",
                                  "make it a link into /run, such as "
                                  "../run/systemd/resolve/stub-resolv.conf"},
        [SWB_FLAW_SSH_HOST_KEYS] = {"ssh-host-keys",
                                    "all devices would have the same keys, which anybody with an "
                                    "image knows",
                                    "delete them; make them at the first boot on the persistent "
                                    "partition and name them with HostKey in sshd_config"},
        [SWB_FLAW_RANDOM_SEED] = {"random-seed", "all devices would begin with the same one",
                                  "delete it; it is made where /var lies"},
        [SWB_FLAW_PACKAGE_MANAGER] =
                {"package-manager",
                 "packages come with images here; a package manager on the "
                 "device would write to the slot, or fail at it every day",
                 "disable its timers and delete its caches, or leave it out of "
                 "the image"},
        [SWB_FLAW_LOGROTATE] =
                {"logrotate", "it renames logs and keeps a status file, each day",
                 "put /var/log and /var/lib/logrotate on the persistent partition or "
                 "a tmpfs, or leave logs to journald with Storage=volatile"},
        [SWB_FLAW_UNIT_WRITES] = {"unit-needs-writable",
                                  "the unit will fail to start, or its state lies in the slot",
                                  "put the folder on the persistent partition (bind mount) or a "
                                  "tmpfs; or tell the unit another one"},
        [SWB_FLAW_SETUID] =
                {"setuid",
                 "whoever runs it gets the owner's rights; what nobody expects there is "
                 "a hole, or a slip of the build",
                 "remove the bit, or name the file with --allow-setuid"},
        [SWB_FLAW_TIMES] = {"newer-than-build",
                            "two builds of the same system differ, and devices whose clock is "
                            "behind meet files from the future",
                            "set times back to the release's time (SOURCE_DATE_EPOCH; swb-pack "
                            "make-image does)"},
};

const struct swb_flaw_text *swb_flaw_text(enum swb_flaw_kind kind)
{
        return &kinds[kind];
}

struct swb_flaws *swb_flaws_free(struct swb_flaws *flaws)
{
        if (!flaws)
                return NULL;
        for (size_t i = 0; i < flaws->n; i++)
                free(flaws->items[i].text);
        free(flaws);
        return NULL;
}

void swb_inspection_add(struct swb_inspection *in, enum swb_flaw_kind kind, const char *format, ...)
{
        struct swb_flaws *flaws = in->flaws;
        char *text = NULL;
        va_list args;
        int n;

        if (flaws->n == SWB_FLAWS_MAX) {
                flaws->n_left_out++;
                return;
        }
        va_start(args, format);
        n = vasprintf(&text, format, args);
        va_end(args);
        if (n < 0)
                in->error = -ENOMEM;
        else
                flaws->items[flaws->n++] = (struct swb_flaw){kind, text};
}

char *swb_inspection_read(struct swb_inspection *in, const char *path)
{
        char *text = swb_tree_read(in->tree, path);

        if (!text)
                in->error = -EIO;
        return text;
}

bool swb_inspection_is_writable(struct swb_inspection *in, const char *path)
{
        char real[SWB_TREE_PATH_MAX];
        const struct swb_mount *mount;

        if (swb_tree_resolve(in->tree, path, real) < 0)
                return false;
        mount = swb_mounts_over(&in->mounts, real);
        return mount && mount->is_writable;
}

/* By kind, else in the order in which they were found. */
static void sort(struct swb_flaws *flaws)
{
        for (size_t i = 1; i < flaws->n; i++) {
                struct swb_flaw flaw = flaws->items[i];
                size_t at = i;

                for (; at > 0 && flaws->items[at - 1].kind > flaw.kind; at--)
                        flaws->items[at] = flaws->items[at - 1];
                flaws->items[at] = flaw;
        }
}

static int inspect(struct swb_inspection *in, struct swb_error *err)
{
        const struct swb_audit *audit = in->audit;
        int r;

        r = swb_mounts_find(in->tree, &in->mounts);
        for (size_t i = 0; r >= 0 && i < audit->n_writable; i++)
                r = swb_mounts_add_writable(in->tree, audit->writable[i], &in->mounts);
        if (r >= 0) {
                swb_check_file_system(in);
                swb_check_mounts(in);
                swb_check_etc(in);
                swb_check_units(in);
                swb_check_files(in);
                r = in->error;
        }
        if (r == -ENOMEM)
                return swb_oom(err);
        if (r < 0)
                return swb_fail(err, r, SWB_FAULT_FORMAT,
                                "'%s': a file in it can't be read: its file system is damaged",
                                audit->image);
        return 0;
}

int swb_audit_run(const struct swb_audit *audit, struct swb_flaws **ret, struct swb_error *err)
{
        _cleanup_(swb_flaws_freep) struct swb_flaws *flaws = calloc(1, sizeof(*flaws));
        _cleanup_(swb_tree_freep) struct swb_tree *tree = NULL;
        struct swb_inspection in = {.audit = audit, .flaws = flaws};
        int r;

        if (!flaws)
                return swb_oom(err);
        r = swb_tree_open(audit->image, &tree, err);
        if (r < 0)
                return r;
        in.tree = tree;
        r = inspect(&in, err);
        swb_mounts_done(&in.mounts);
        if (r < 0)
                return r;
        sort(flaws);
        *ret = SWB_TAKE_PTR(flaws);
        return 0;
}
