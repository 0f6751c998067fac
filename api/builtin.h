#pragma once
/*
 * Built-in routes: those that need neither backend nor registry.
 *
 *     GET /livez             the process can answer
 *     GET /version
 *     GET /problems          every kind of problem
 *     GET /problems/{slug}   what one means and what to do about it
 */
#include "api/route.h"

extern const struct route builtin_routes[];
extern const size_t n_builtin_routes;
