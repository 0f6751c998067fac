#pragma once
/*
 * Template files: a chat template given as the path of a file on this machine,
 * below an allowed root, as MAX's own option takes it.
 *
 * Reading takes a worker; the request then goes on as if it had brought the text,
 * so what is resolved, stored and shown does not depend on the file.
 */
#include "daemon/core.h"

/* An absolute path in one line without braces; a template without braces says nothing. */
bool template_is_path(const char *given);

/*
 * Replaces *text, which is part of the call's arguments, by what the file holds
 * and calls op; answers the call when it cannot.
 * Errors: PATH_NOT_ALLOWED, PATH_NOT_FOUND, FILE_NOT_FOUND, FILE_TOO_LARGE, IO, FIELD.
 */
void template_file_read(struct core *core, struct call *call, char **text,
                        void (*op)(struct core *core, struct call *call));
