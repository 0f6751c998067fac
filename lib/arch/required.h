#pragma once
/*
 * Required arguments: which config fields an architecture may insist on.
 *
 * MAX applies a required argument to every config object that has a field of
 * the name and says nothing when none has. Here an unknown name is a fault.
 */
#include "arch/arch.h"

/*
 * Reads {"name": bool | int | real} into *ret, whose names are borrowed from
 * args and whose array is the caller's to free. pointer is of args itself.
 * Source BUILTIN: unknown names and trust_remote_code are taken.
 */
void required_read(json_t *args, const char *pointer, enum arch_source source,
                   struct required_argument **ret, size_t *ret_n, struct faults *f);
bool required_is_known(const char *name);
