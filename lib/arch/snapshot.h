#pragma once
/* The inside of a registry: private to registry.c, find.c and list.c. */
#include "arch/registry.h"

#define NOWHERE ((size_t)-1)

struct registry {
    atomic_uint refs;
    int64_t revision;
    size_t n;
    struct arch **archs; /* in registration order */
    uint64_t *hashes;    /* of their names */
    size_t *next;        /* index + 1 of the next record of the same name, 0: none */
    size_t *slots, mask;
    struct blob *_Atomic list; /* registry_list_all(), once somebody asked */
};

/* NOWHERE when there is none. TASK_NONE: the primary. */
size_t registry_index(const struct registry *r, const char *name, enum task task);
