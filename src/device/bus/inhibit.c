/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inhibit: who calls gets one end of a pipe and holds the gates as long as any copy of it is open.
 * So a program that crashes holds nothing.
 */
#include <fcntl.h>

#include "base/log.h"
#include "device/bus/parts.h"

static void release(struct swb_bus_inhibitor *one)
{
        one->source = sd_event_source_disable_unref(one->source);
        one->fd = swb_close(one->fd);
        one->id = 0;
}

void swb_bus_release_all(struct swb_bus *bus)
{
        for (size_t i = 0; i < SWB_ELEMENTS(bus->inhibitors); i++)
                if (bus->inhibitors[i].id > 0)
                        release(&bus->inhibitors[i]);
}

static int on_closed(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        struct swb_bus_inhibitor *one = userdata;
        struct swb_engine *engine = one->bus->engine;
        unsigned id = one->id;

        (void)source;
        (void)fd;
        if (!(revents & (EPOLLHUP | EPOLLERR))) {
                char ignored[64];

                (void)!read(one->fd, ignored, sizeof(ignored)); /* nobody is to write into it */
                return 0;
        }
        release(one);
        swb_log(SWB_LOG_INFO, "inhibitor %u is released", id);
        swb_engine_release(engine, id);
        return 0;
}

static struct swb_bus_inhibitor *free_place(struct swb_bus *bus)
{
        for (size_t i = 0; i < SWB_ELEMENTS(bus->inhibitors); i++)
                if (bus->inhibitors[i].id == 0)
                        return &bus->inhibitors[i];
        return NULL;
}

/* "download:reboot" */
static int parse_gates(const char *text, unsigned *ret_gates, struct swb_error *err)
{
        unsigned gates = 0;

        for (const char *p = text; *p;) {
                size_t n = strcspn(p, ":");
                enum swb_gate gate = _SWB_GATE_INVALID;
                char name[16];

                if (n < sizeof(name)) {
                        memcpy(name, p, n);
                        name[n] = '\0';
                        gate = swb_gate_from_string(name);
                }
                if (gate == _SWB_GATE_INVALID) {
                        gates = 0;
                        break;
                }
                gates |= SWB_GATE_BIT(gate);
                p += n + (p[n] == ':');
        }
        if (gates == 0)
                return swb_fail(err, -EINVAL, SWB_FAULT_USAGE,
                                "'%.64s' is not a list of gates such as \"download:reboot\"", text);
        *ret_gates = gates;
        return 0;
}

/* Return: our caller's end of the pipe, or < 0. */
static int hold(struct swb_bus *bus, unsigned id, struct swb_error *err)
{
        struct swb_bus_inhibitor *place = free_place(bus);
        int fds[2], r;

        swb_assert(place); /* as many as the engine has */
        if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
                return swb_fail_errno(err, errno, "make a pipe");
        *place = (struct swb_bus_inhibitor){.bus = bus, .id = id, .fd = fds[0]};
        r = sd_event_add_io(bus->event, &place->source, place->fd, EPOLLIN, on_closed, place);
        if (r < 0) {
                release(place);
                (void)swb_close(fds[1]);
                return swb_fail_errno(err, r, "watch an inhibitor");
        }
        return fds[1];
}

int swb_bus_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        struct swb_bus *bus = userdata;
        struct swb_error err = SWB_ERROR_INIT;
        _cleanup_close_ int fd = -EBADF;
        const char *who, *why, *names;
        uint64_t max_sec;
        unsigned gates = 0, id;
        int r = sd_bus_message_read(message, "ssst", &who, &why, &names, &max_sec);

        if (r < 0)
                return r;
        r = parse_gates(names, &gates, &err);
        if (r >= 0)
                r = swb_engine_inhibit(bus->engine, who, why, gates,
                                       SWB_MIN(max_sec, UINT64_MAX / 1000000) * 1000000, &id, &err);
        if (r < 0)
                return swb_bus_refuse(message, &err, ret_error);
        fd = hold(bus, id, &err);
        if (fd < 0) {
                swb_engine_release(bus->engine, id);
                return swb_bus_refuse(message, &err, ret_error);
        }
        return sd_bus_reply_method_return(message, "h", fd);
}
