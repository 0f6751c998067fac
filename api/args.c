#include "api/args.h"

void args_register_release(void *args)
{
    struct args_register *a = args;

    json_decref(a->docs);
    free(a);
}

void args_plain_release(void *args) { free(args); }

void args_tokenizer_release(void *args)
{
    struct args_tokenizer *a = args;

    tokenizer_request_release(&a->request);
    free(a);
}

void args_pipeline_release(void *args)
{
    struct args_pipeline *a = args;

    request_release(&a->request);
    free(a);
}
