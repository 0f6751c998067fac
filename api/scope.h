#pragma once
/* Scopes: what a key allows, as bits. A route asks for one of them. */

enum scope {
    SCOPE_NONE = 0, /* of a route: open to everybody, also without a key */
    SCOPE_READ = 1 << 0,
    SCOPE_TOKENIZE = 1 << 1,
    SCOPE_WRITE = 1 << 2,
    SCOPE_ADMIN = 1 << 3, /* implies the others */
    SCOPE_ALL = 15,
};
