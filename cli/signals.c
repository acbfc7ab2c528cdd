/* signals.c: see cli.h. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* A handler has no other way to reach the rest of the program. */
static volatile sig_atomic_t interrupted;
static const char *volatile current_command;

static void say(const char *text)
{
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
        return;
}

static void say_command(const char *text)
{
    const char *command = current_command;
    if (!command)
        return;
    say(text);
    say(command);
    say("\n");
}

static void on_signal(int number)
{
    (void)number;
    if (interrupted)
        _exit(CLI_EXIT_INTERRUPTED);
    interrupted = 1;
    say("\nthaw: stopping as soon as it is safe; once more to stop at once\n");
    say_command("thaw: behind this case:\n  ");
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

#define N_CRASHES 5
static const int crash_numbers[N_CRASHES] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
static struct sigaction before[N_CRASHES]; /* a sanitizer or a driver may have handlers of its own */

/* Says its piece, then lets the program end as it would have without it: what the processor refused is tried
 * again, what was sent is sent again. */
static void on_crash(int number, siginfo_t *info, void *machine)
{
    (void)machine;
    say_command("\nthaw: crashed in this case; to run it again:\n  ");
    current_command = NULL;
    for (int i = 0; i < N_CRASHES; i++)
        if (crash_numbers[i] == number)
            sigaction(number, &before[i], NULL);
    if (info->si_code <= 0)
        raise(number);
}

void cli_note_command(const char *command)
{
    static bool installed;
    current_command = command;
    for (int i = 0; !installed && i < N_CRASHES; i++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_sigaction = on_crash;
        action.sa_flags = SA_SIGINFO;
        sigemptyset(&action.sa_mask);
        sigaction(crash_numbers[i], &action, &before[i]);
    }
    installed = true;
}
