/* SPDX-License-Identifier: Apache-2.0 */
/*
 * room-app - what a device's application has to do about updates, in one file
 *
 * A meeting room's screen. While a meeting goes on nothing may disturb: an inhibitor holds
 * download, installation and reboot. When the engine is about to reboot, people are told, and may
 * put it off.
 *
 *     cc -o room-app room-app.c $(pkg-config --cflags --libs libsystemd)
 *
 * Standard input stands for the room: "begin", "end", "later" (put the reboot off), "quit".
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define NAME "org.switchback.Engine1" /* of the service and of its interface */
#define PATH "/org/switchback/Engine1"
#define MEETING_MAX_SECONDS (4 * 3600)
#define LATER_SECONDS 1800

struct app {
        sd_bus *bus;
        int inhibitor; /* < 0: no meeting */
};

static void say(const char *text)
{
        (void)printf("%s\n", text);
        (void)fflush(stdout);
}

static int tell_error(const char *what, const sd_bus_error *error, int r)
{
        (void)fprintf(stderr, "room-app: %s: %s\n", what,
                      error->message ? error->message : strerror(-r));
        return r;
}

/* ---- what the engine says ---- */

static int on_reboot_soon(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        const char *version;
        uint64_t seconds;

        (void)userdata;
        (void)ret_error;
        if (sd_bus_message_read(message, "st", &version, &seconds) < 0)
                return 0;
        (void)printf("this screen starts anew in %" PRIu64 " s, with version %s\n", seconds,
                     version);
        (void)fflush(stdout);
        return 0;
}

static int on_called_off(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        (void)message;
        (void)userdata;
        (void)ret_error;
        say("it does not start anew");
        return 0;
}

static int on_deadline_soon(sd_bus_message *message, void *userdata, sd_bus_error *ret_error)
{
        const char *version;
        uint64_t seconds;

        (void)userdata;
        (void)ret_error;
        if (sd_bus_message_read(message, "st", &version, &seconds) < 0)
                return 0;
        (void)printf("in %" PRIu64 " min version %s can't be put off any more\n", seconds / 60,
                     version);
        (void)fflush(stdout);
        return 0;
}

static int watch(struct app *app)
{
        static const struct {
                const char *signal;
                sd_bus_message_handler_t handler;
        } signals[] = {{"RebootSoon", on_reboot_soon},
                       {"RebootCalledOff", on_called_off},
                       {"DeadlineSoon", on_deadline_soon}};
        int r = 0;

        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && r >= 0; i++)
                r = sd_bus_match_signal(app->bus, NULL, NAME, PATH, NAME, signals[i].signal,
                                        signals[i].handler, app);
        return r;
}

/* ---- what the room says ---- */

/* The inhibitor is a file descriptor: it ends when it is closed, also when this program crashes. */
static void begin_meeting(struct app *app)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r, fd;

        if (app->inhibitor >= 0)
                return;
        r = sd_bus_call_method(app->bus, NAME, PATH, NAME, "Inhibit", &error, &reply, "ssst",
                               "room-app", "a meeting goes on", "download:install:reboot",
                               (uint64_t)MEETING_MAX_SECONDS);
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0) {
                /* Most of all: the deadline has passed. The meeting goes on, the update does too.
                 */
                (void)tell_error("the update can't be held", &error, r);
        } else {
                app->inhibitor = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message closes its own */
                say("a meeting goes on");
        }
        sd_bus_error_free(&error);
        (void)sd_bus_message_unref(reply);
}

static void end_meeting(struct app *app)
{
        if (app->inhibitor < 0)
                return;
        (void)close(app->inhibitor);
        app->inhibitor = -1;
        say("the meeting is over");
}

static void put_off(struct app *app)
{
        uint64_t until = ((uint64_t)time(NULL) + LATER_SECONDS) * 1000000;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        int r = sd_bus_call_method(app->bus, NAME, PATH, NAME, "Defer", &error, NULL, "ts", until,
                                   "somebody pressed 'later'");

        if (r < 0)
                (void)tell_error("it can't be put off", &error, r);
        else
                say("put off for half an hour");
        sd_bus_error_free(&error);
}

/* Return: whether to go on. */
static int hear(struct app *app)
{
        char line[64];

        if (!fgets(line, sizeof(line), stdin) || strcmp(line, "quit\n") == 0)
                return 0;
        if (strcmp(line, "begin\n") == 0)
                begin_meeting(app);
        else if (strcmp(line, "end\n") == 0)
                end_meeting(app);
        else if (strcmp(line, "later\n") == 0)
                put_off(app);
        return 1;
}

/* ---- both ---- */

static int run(struct app *app)
{
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                {.fd = sd_bus_get_fd(app->bus), .events = POLLIN}};
        int r;

        for (;;) {
                while ((r = sd_bus_process(app->bus, NULL)) > 0)
                        ;
                if (r < 0)
                        return r;
                if (poll(fds, 2, -1) < 0 && errno != EINTR)
                        return -errno;
                if ((fds[0].revents & (POLLIN | POLLHUP)) && !hear(app))
                        return 0;
        }
}

int main(void)
{
        struct app app = {.inhibitor = -1};
        int r = sd_bus_open_system(&app.bus);

        (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll() is to see what is left */
        if (r >= 0)
                r = watch(&app);
        if (r >= 0) {
                say("ready");
                r = run(&app);
        }
        if (r < 0)
                (void)fprintf(stderr, "room-app: %s\n", strerror(-r));
        end_meeting(&app);
        (void)sd_bus_flush_close_unref(app.bus);
        return r < 0;
}
