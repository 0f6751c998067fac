#pragma once
/* Config files: `key = value` lines into a struct settings; daemon/config.h has the rules. */
#include "daemon/config.h"

struct setting;

enum { CONFIG_FILE_MAX_BYTES = 1 << 20 };
enum config_file_missing { CONFIG_FILE_OPTIONAL, CONFIG_FILE_REQUIRED };

/* Errors: ERR_INVALID, ERR_IO; messages begin with file:line. */
bool config_file_read(struct settings *c, const char *path, enum config_file_missing missing,
                      struct err *err) MUST_CHECK;
/* Every *.conf of a folder in the order of names, as one source. A folder that is not there is
 * empty. */
bool config_folder_read(struct settings *c, const char *path, struct err *err) MUST_CHECK;
/* Text of a file called name; replaced has a bool per setting: this source has set that list. */
bool config_text_read(struct settings *c, const char *name, const char *text, size_t size,
                      bool *replaced, struct err *err) MUST_CHECK;

/* One assignment from origin. In daemon/config.c. */
bool config_assign(struct settings *c, const struct setting *s, const char *text,
                   const char *origin, bool *replaced, struct err *err) MUST_CHECK;
