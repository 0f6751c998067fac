#include "daemon/process.h"

#include <signal.h>

int main(int argc, char **argv)
{
    struct settings settings = {0};
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (!config_start(&settings, argc, argv, &status)) {
        config_release(&settings);
        return status;
    }
    if (settings.action == CONFIG_CHECK)
        return process_check(&settings);
    return process_run(&settings, argc, argv);
}
