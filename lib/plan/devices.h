#pragma once
/*
 * Devices: what a pipeline may run on, as figures.
 *
 * A table of known accelerators lets one plan for hardware this machine does
 * not have. Memory is what the driver reports as total on such a board, near
 * enough for planning (GiB as sold; boards reserve a little). Encodings are
 * those with a tensor-core or native path on that board; what a board can
 * store but not compute with is not in the set.
 */
#include "arch/terms.h"

enum device_kind { DEVICE_CPU, DEVICE_GPU };
enum device_api { API_UNSET, API_CPU, API_CUDA, API_HIP, API_METAL, N_DEVICE_APIS };

struct device_type {
    const char *name;
    const char *aliases; /* separated by '|', lower case without '-', '_' and ' ' */
    enum device_api api;
    int64_t memory_bytes;
    uint32_t encodings; /* bit 1 << encoding that compute on it */
};

struct device {
    char type[48]; /* "cpu", "H100-80GB", …, as the table spells it, else as the client did */
    enum device_kind kind;
    enum device_api api;
    int id;               /* among devices of its kind */
    int64_t memory_bytes; /* 0: unknown */
    int64_t free_bytes;
    uint32_t encodings; /* 0: not known, so only the kind decides */
};

/* What this machine has. Without a GPU: the CPU. */
struct machine {
    struct device devices[16];
    size_t n;
};

const char *device_api_name(enum device_api api); /* cpu, cuda, hip, metal; NULL for unset */
const char *device_kind_name(enum device_kind k);

/* By name or alias, any case, '-', '_' and ' ' apart; NULL: none. */
const struct device_type *device_type_find(const char *name);
/* The table, smallest memory first. */
const struct device_type *device_types(size_t *ret_n);
/* ERR_DEVICE_UNAVAILABLE with "nearest" and "available". Always false. */
bool device_type_unknown(struct err *err, const char *pointer, const char *name);

/* A whole, unused device of a type. */
struct device device_of_type(const struct device_type *t, int id);
struct device device_cpu(int64_t memory_bytes);

/*
 * The CPU with MemTotal of /proc/meminfo as free: what is free this minute would
 * give every request another answer. found (may be NULL) are accelerators the
 * caller knows of; they come first.
 */
void machine_read(struct machine *ret, const struct device *found, size_t n_found);
