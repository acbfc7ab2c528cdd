/* A shared library that has nothing to do with thaw. */
int thaw_test_answer(void);

__attribute__((visibility("default"))) int thaw_test_answer(void)
{
    return 42;
}
