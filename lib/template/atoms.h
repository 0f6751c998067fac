#pragma once
/*
 * Atoms: the short strings of a template, each there once.
 *
 * What a rendering is given is made of the same strings to a large part: keys,
 * roles. Where one is read that the template has too, the template's own takes
 * its place, so that equal ones are mostly the same, and a key that is no atom
 * is none that the template asks for by name.
 *
 * Looking one up is a guess by its size and ends. No more than a few places are
 * looked at; a string of the template that finds none is no atom.
 */
#include "template/value.h"

enum { ATOM_SIZE_MAX = 64, ATOM_PLACES = 4 };

struct atoms {
    struct str **slots;
    size_t n_slots; /* a power of two; 0: there are none */
};

/* Makes atoms of the keys of a dict, which are strings. */
void atoms_build(struct arena *a, const struct dict *names, struct atoms *ret);

static inline size_t atom_slot(const char *data, size_t size)
{
    uint64_t x = size;

    if (size >= 8) {
        uint64_t first, last;
        memcpy(&first, data, 8);
        memcpy(&last, data + size - 8, 8);
        x += first ^ (last << 9 | last >> 55);
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, data, 4);
        memcpy(&last, data + size - 4, 4);
        x += first ^ (uint64_t)last << 29;
    } else if (size) {
        x += (uint64_t)(unsigned char)data[0] << 8 | (uint64_t)(unsigned char)data[size / 2] << 16 |
             (uint64_t)(unsigned char)data[size - 1] << 24;
    }
    return (size_t)(x * 0x9e3779b97f4a7c15u >> 40);
}

/* NULL: no atom is equal to this. */
static inline struct str *atom_find(const struct atoms *a, const char *data, size_t size)
{
    if (size > ATOM_SIZE_MAX || !a->n_slots)
        return NULL;
    size_t slot = atom_slot(data, size);
    for (size_t i = 0; i < ATOM_PLACES; i++) {
        struct str *s = a->slots[(slot + i) & (a->n_slots - 1)];
        if (!s)
            return NULL;
        if (s->size == size && memcmp(s->data, data, size) == 0)
            return s;
    }
    return NULL;
}
