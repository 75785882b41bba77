/*
 * Timers and posted work: all of it runs on the one thread of the service, so it needs no lock.
 *
 *     cc -std=c11 timer.c -o timer $(pkg-config --cflags --libs cppserver)
 *     ./timer                               Enter ends it
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>

/* Only the service's thread touches it once the service runs. */
typedef struct metronome {
    cppserver_service *service;
    cppserver_timer *timer;
    int ticks;
} metronome;

static void on_posted(void *user_data)
{
    (void)user_data;
    printf("This was posted by a tick and runs after it\n");
}

static void on_tick(void *user_data)
{
    metronome *self = user_data;
    printf("Tick %d\n", ++self->ticks);
    if (self->ticks == 3)
        cppserver_service_post(self->service, on_posted, NULL, NULL);
    if (self->ticks == 5) {
        printf("That was the last tick\n");
        cppserver_timer_cancel(self->timer);
    }
}

static void on_alarm(void *user_data)
{
    (void)user_data;
    printf("A timer that fires once\n");
}

/* The last call that gets a timer's user_data, whatever ends the timer. */
static void on_metronome_end(void *user_data)
{
    metronome *self = user_data;
    printf("The metronome ends after %d ticks\n", self->ticks);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("Press Enter to stop...\n");

    metronome self = { cppserver_service_create(1), NULL, 0 };
    /* Made before the service starts, so that the handle is known before the first tick. */
    self.timer = cppserver_timer_create(self.service, 100, 100, on_tick, &self, on_metronome_end);
    cppserver_timer *alarm = cppserver_timer_create(self.service, 250, 0, on_alarm, NULL, NULL);
    if (self.timer == NULL || alarm == NULL ||
        cppserver_service_start(self.service, false, NULL, NULL) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The timers do not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    /* A timer goes on without its handle. */
    cppserver_timer_release(alarm);

    (void)getchar();

    cppserver_service_stop(self.service);
    cppserver_timer_release(self.timer);
    cppserver_service_release(self.service);
    return EXIT_SUCCESS;
}
