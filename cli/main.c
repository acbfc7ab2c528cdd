/* main.c: the program `thaw`. It never calls setlocale: numbers look the same everywhere. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "output.h"

static const struct {
    const char *name;
    cli_run_fn run;
    const char *about;
} commands[] = {
    {"train", cli_train, "fine-tune InceptionV3 on a folder of photos"},
    {"evaluate", cli_evaluate, "how good a model is on photos whose classes are known"},
    {"predict", cli_predict, "what is on these photos"},
    {"features", cli_features, "the 2048 numbers that the network sees in each photo"},
    {"plan", cli_plan, "what would run where, and in how much memory"},
    {"devices", cli_devices, "what there is to compute with"},
    {"tune", cli_tune, "find the fastest algorithms of a device"},
    {"check", cli_check, "prove a device or plugin right, op by op"},
    {"bench", cli_bench, "how fast devices are, side by side"},
    {"convert", cli_convert, "read weights of another program"},
    {"info", cli_info, "what is in a model file"},
};
#define N_COMMANDS (sizeof commands / sizeof commands[0])

static void print_commands(FILE *stream)
{
    fprintf(stream, "Usage: thaw <command> [options]\n\nCommands:\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(stream, "  %-10s%s\n", commands[i].name, commands[i].about);
    fprintf(stream, "  %-10s%s\n", "help", "this text; `thaw help COMMAND` for one command");
}

static void print_help(void)
{
    print_commands(stdout);
    printf(
        "\n"
        "  thaw train photos/ -o model.safetensors    photos/ has a folder for each class\n"
        "  thaw predict -m model.safetensors new.jpg\n"
        "\n"
        "Exit codes: 0 done; 1 failed; 2 a wrong command or option; 3 a check did not pass, or\n"
        "evaluate, predict or features could not read some images; 130 interrupted.\n"
        "\n"
        "Environment: THAW_WEIGHTS names the pretrained weights, THAW_PLUGIN_PATH folders with plugins.\n");
}

static int unknown_command(const char *word)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i].name;
    const char *near = cli_nearest(word, names, N_COMMANDS);
    fprintf(stderr, "thaw: %s: no such command", word);
    if (near)
        fprintf(stderr, "; did you mean `thaw %s`?", near);
    fprintf(stderr, "\nTry `thaw help`.\n");
    return CLI_EXIT_USAGE;
}

static int run_command(const char *name, int argc, char **argv)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc, argv);
    }
    return unknown_command(name);
}

static int run(int argc, char **argv)
{
    static char help_option[] = "--help";
    char *help[] = {help_option, NULL};
    if (argc < 2) {
        print_commands(stderr);
        return CLI_EXIT_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
        printf("thaw %s\n", thaw_version());
        return CLI_EXIT_OK;
    }
    if (strcmp(word, "help") == 0 && argc > 2)
        return run_command(argv[2], 1, help);
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        print_help();
        return CLI_EXIT_OK;
    }
    return run_command(word, argc - 2, argv + 2);
}

/* A standard stream that the caller closed is opened such that using it fails: otherwise the next file would
 * take its number, and receive what was meant for it. */
static void occupy_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
    }
}

int main(int argc, char **argv)
{
    occupy_streams();
    int code = run(argc, argv);
    if (!cli_close_stdout() && code == CLI_EXIT_OK)
        code = CLI_EXIT_FAILURE;
    return code;
}
