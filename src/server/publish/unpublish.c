/* SPDX-License-Identifier: Apache-2.0 */
#include "server/publish/unpublish.h"

#include "server/store/payload_files.h"

int swb_unpublish_begin(struct swb_unpublish *u, const char *data_folder, struct swb_error *err)
{
        int r;

        *u = (struct swb_unpublish){.folder_fd = -EBADF, .lock_fd = -EBADF};
        r = swb_payload_files_open(data_folder, &u->folder_fd, err);
        return r < 0 ? r : swb_payload_files_lock(u->folder_fd, &u->lock_fd, err);
}

void swb_unpublish_done(struct swb_unpublish *u)
{
        free(u->names);
        (void)swb_close(u->lock_fd);
        (void)swb_close(u->folder_fd);
        *u = (struct swb_unpublish){.folder_fd = -EBADF, .lock_fd = -EBADF};
}

static int remember_name(const struct swb_payload *payload, void *userdata, struct swb_error *err)
{
        struct swb_unpublish *u = userdata;
        void *grown = reallocarray(u->names, u->n_names + 1, sizeof(*u->names));

        if (!grown)
                return swb_oom(err);
        u->names = grown;
        memcpy(u->names[u->n_names++], payload->sha256, sizeof(*u->names));
        return 0;
}

int swb_unpublish_rows(struct swb_unpublish *u, struct swb_db *db,
                       const struct swb_release *release, struct swb_error *err)
{
        int r = swb_payload_list(db, release->id, remember_name, u, err);

        return r < 0 ? r : swb_release_remove(db, release, err);
}

int swb_unpublish_files(struct swb_unpublish *u, struct swb_db *db, struct swb_error *err)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < u->n_names; i++) {
                bool used;

                r = swb_payload_file_used(db, u->names[i], &used, err);
                if (r >= 0 && !used)
                        r = swb_payload_file_remove(u->folder_fd, u->names[i], err);
        }
        return r;
}
