#pragma once
/* Resolve: what POST /v1/pipelines and POST /v1/factories have in common. */
#include "api/routes/routes.h"

struct resolve_query {
    enum tristate dry_run;
};
extern const struct field_table resolve_query_table;
#define RESOLVE_QUERY .query = &resolve_query_table, .query_size = sizeof(struct resolve_query)

/* Binds and checks the body and hands it to the core as op. */
void ask_resolve(struct request *req, enum op op);
