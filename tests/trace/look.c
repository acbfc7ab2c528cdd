/* look.c: look TRACE [CAT NAME]: says that a trace is sound, and how many slices it has of each kind; or, of
 * a slice of that kind and name, exits 0 if there is one. */
#include <stdio.h>
#include <string.h>

#include "timeline.h"

static void summarise(const timeline *t)
{
    for (size_t i = 0; i < t->n; i++) {
        bool first = !t->slices[i].repeated;
        for (size_t k = 0; first && k < i; k++)
            first = t->slices[k].repeated || strcmp(t->slices[k].cat, t->slices[i].cat) != 0;
        if (first)
            printf("%s: %zu\n", t->slices[i].cat, timeline_count(t, t->slices[i].cat, NULL));
    }
}

int main(int argc, char **argv)
{
    timeline t;
    if (argc != 2 && argc != 4)
        return 2;
    bool good = timeline_read(argv[1], &t);
    if (good && argc == 4)
        good = timeline_find(&t, argv[2], argv[3], 0) != NULL;
    else if (good)
        summarise(&t);
    timeline_free(&t);
    return good ? 0 : 1;
}
