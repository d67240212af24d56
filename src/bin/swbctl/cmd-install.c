/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "base/buf.h"
#include "bin/swbctl/swbctl.h"

static bool wait_for_it;

const struct swb_opt cmd_install_options[] = {
        {'w', "wait", SWB_OPT_FLAG, &wait_for_it, NULL, false,
         "show the progress until the update is installed"},
        {0},
};

static bool is_one_of(const char *state, const char *const *states)
{
        for (; *states; states++)
                if (strcmp(state, *states) == 0)
                        return true;
        return false;
}

static int is_over(void *context, const struct view *view, struct swb_error *err)
{
        static const char *const done[] = {"updated", "rebooting", NULL};
        static const char *const stopped[] = {"idle", "available", "held", NULL};

        (void)context;
        if (is_one_of(view->state, done))
                return 1;
        if (!is_one_of(view->state, stopped))
                return 0;
        if (view->last_error[0] != '\0')
                return swb_fail(err, -EIO, SWB_FAULT_IO, "%s", view->last_error_text);
        if (strcmp(view->state, "idle") != 0)
                return swb_fail(err, -ECANCELED, SWB_FAULT_CANCELLED, "version %s is not installed",
                                view->available_version);
        return 1;
}

static bool is_plain(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               (c != '\0' && strchr("/._~-+,=@", c));
}

/* "/media/usb/new release" -> "file:///media/usb/new%20release"; owned by the caller. */
static int make_file_url(const char *path, char **ret, struct swb_error *err)
{
        _cleanup_(swb_buf_done) struct swb_buf url = SWB_BUF_INIT(4 * PATH_MAX);
        _cleanup_free_ char *whole = realpath(path, NULL);
        int r;

        if (!whole)
                return swb_fail_errno(err, errno, "'%s'", path);
        r = swb_buf_append_str(&url, "file://");
        for (const char *p = whole; *p && r >= 0; p++)
                r = is_plain(*p) ? swb_buf_append(&url, p, 1)
                                 : swb_buf_printf(&url, "%%%02x", (unsigned char)*p);
        if (r >= 0)
                r = swb_buf_append_str(&url, "");
        if (r < 0)
                return swb_fail_errno(err, r, "'%s'", path);
        *ret = swb_buf_take_str(&url);
        return 0;
}

static int install_from(struct client *client, const char *where, struct swb_error *err)
{
        _cleanup_free_ char *url = NULL;
        int r;

        if (strstr(where, "://"))
                return client_call_with(client, "InstallFrom", NULL, err, "s", where);
        r = make_file_url(where, &url, err);
        return r < 0 ? r : client_call_with(client, "InstallFrom", NULL, err, "s", url);
}

int cmd_install(int n_args, char **args, struct swb_error *err)
{
        _cleanup_(client_done) struct client client = {0};
        _cleanup_(screen_done) struct screen screen;
        int r;

        screen_init(&screen);
        r = client_connect(&client, err);
        if (r >= 0)
                r = n_args > 0 ? install_from(&client, args[0], err)
                               : client_call(&client, "Install", err);
        if (r >= 0 && wait_for_it)
                r = follow(&client, &screen, is_over, NULL, err);
        return r < 0 ? r : SWB_EXIT_OK;
}
