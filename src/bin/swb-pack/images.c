/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/swb-pack/images.h"

static const char *const forms[] = {
        [SWB_IMAGES_NEW] = "NAME=NEW",
        [SWB_IMAGES_OLD] = "NAME=OLD",
        [SWB_IMAGES_OLD_NEW] = "NAME=OLD:NEW",
        [SWB_IMAGES_ANY_NEW] = "NAME=NEW or NAME=OLD:NEW",
};

void swb_images_done(struct swb_images *images)
{
        for (size_t i = 0; i < images->n; i++)
                free(images->texts[i]);
        images->n = 0;
}

static int check_new_name(const struct swb_images *images, const char *name, struct swb_error *err)
{
        for (size_t i = 0; i < images->n; i++)
                if (strcmp(images->items[i].name, name) == 0)
                        return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                        "partition '%s' is named twice", name);
        if (images->n == SWB_PARTITIONS_MAX)
                return swb_fail(err, -E2BIG, SWB_FAULT_USAGE, "more than %d partitions",
                                SWB_PARTITIONS_MAX);
        return 0;
}

/* Splits "NAME=A" or "NAME=A:B" in place. */
static int split(char *text, enum swb_images_form form, const char **ret_name, const char **ret_old,
                 const char **ret_new)
{
        char *value = strchr(text, '='), *second;
        bool wants_two = form == SWB_IMAGES_OLD_NEW;

        if (!value)
                return -EINVAL;
        *value++ = '\0';
        second = wants_two || form == SWB_IMAGES_ANY_NEW ? strchr(value, ':') : NULL;
        if (second)
                *second++ = '\0';
        else if (wants_two)
                return -EINVAL;
        if (*text == '\0' || *value == '\0' || (second && *second == '\0'))
                return -EINVAL;
        *ret_name = text;
        *ret_old = second || form == SWB_IMAGES_OLD ? value : NULL;
        *ret_new = second ? second : form == SWB_IMAGES_OLD ? NULL : value;
        return 0;
}

static int add(struct swb_images *images, const char *item, enum swb_images_form form,
               struct swb_error *err)
{
        _cleanup_free_ char *text = strdup(item);
        const char *name, *old_path, *new_path;
        int r;

        if (!text)
                return swb_oom(err);
        if (split(text, form, &name, &old_path, &new_path) < 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE, "option --partition: '%s' is not %s",
                                item, forms[form]);
        r = check_new_name(images, name, err);
        if (r < 0)
                return r;
        images->items[images->n].name = name;
        images->items[images->n].old_path = old_path;
        images->items[images->n].new_path = new_path;
        images->texts[images->n++] = SWB_TAKE_PTR(text);
        return 0;
}

int swb_images_parse(struct swb_images *images, const struct swb_opt_list *list,
                     enum swb_images_form form, struct swb_error *err)
{
        for (size_t i = 0; i < list->n; i++) {
                int r = add(images, list->items[i], form, err);

                if (r < 0)
                        return r;
        }
        return 0;
}

int swb_images_add(struct swb_images *images, const char *old_path, const char *new_path,
                   struct swb_error *err)
{
        if (images->n > 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "give images as arguments or with --partition, not both");
        images->items[0].name = SWB_IMAGES_DEFAULT_NAME;
        images->items[0].old_path = old_path;
        images->items[0].new_path = new_path;
        images->texts[0] = NULL;
        images->n = 1;
        return 0;
}
