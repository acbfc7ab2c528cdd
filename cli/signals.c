/* signals.c: see cli.h. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* A handler has no other way to reach the rest of the program. */
static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    static const char text[] = "\nthaw: stopping as soon as it is safe; once more to stop at once\n";
    (void)number;
    if (interrupted)
        _exit(CLI_EXIT_INTERRUPTED);
    interrupted = 1;
    if (write(STDERR_FILENO, text, sizeof text - 1) < 0)
        return;
}

/* A signal that whoever started the program has it ignore stays ignored, as for a job in the background. */
static void catch_one(int number)
{
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void cli_catch_signals(const volatile sig_atomic_t **flag)
{
    catch_one(SIGINT);
    catch_one(SIGTERM);
    *flag = &interrupted;
}

/* ---- crashes ------------------------------------------------------------------------------------------- */

static const char *volatile crash_command;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

/* The handler is gone by now: what crashed does so again, and the program ends as it would have. */
static void on_crash(int number)
{
    const char *command = crash_command;
    (void)number;
    if (!command)
        return;
    say("\nthaw: crashed; the same again:\n  ");
    say(command);
    say("\n");
}

void cli_note_crash(const char *command)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    bool first = !crash_command && command;
    crash_command = command;
    for (size_t i = 0; first && i < sizeof numbers / sizeof numbers[0]; i++) {
        struct sigaction action;
        /* A sanitizer has handlers of its own, which say more. */
        if (sigaction(numbers[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            continue;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_crash;
        action.sa_flags = SA_RESETHAND;
        sigemptyset(&action.sa_mask);
        sigaction(numbers[i], &action, NULL);
    }
}
