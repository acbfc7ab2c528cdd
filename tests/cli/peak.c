/* peak PROGRAM ARGUMENTS…: runs it and prints its peak resident memory in KiB on stderr's last line; exits as
 * it does. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct rusage use;
    int status;
    pid_t child = argc > 1 ? fork() : -1;
    if (child == 0) {
        execv(argv[1], argv + 1);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &use) < 0)
        return 126;
    fprintf(stderr, "peak %ld KiB\n", use.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}
