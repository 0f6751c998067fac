/*
 * Hub: the paths by which clients of a Hugging Face Hub list and download.
 * Not served yet: they are here so that such a client is told so, and not that
 * the model does not exist.
 */
#include "api/routes/routes.h"

static void not_a_hub(struct request *req)
{
    reply_error(req, ERR_NOT_IMPLEMENTED,
                "this version is no Hub for other programs: leave HF_ENDPOINT at the Hub itself "
                "for them; GET /v1/model?model=org/name tells what the daemon knows of a model");
}

static const enum err_code not_yet[] = {ERR_NOT_IMPLEMENTED, ERR_NONE};

#define HUB(method_, path_, id_)                                                                   \
    {                                                                                              \
        method_, path_, not_a_hub,                                                                 \
            .id = id_, .scope = SCOPE_READ, .body = BODY_BYTES, .query_open = true, .status = 501, \
            .errors = not_yet, .tag = "hub", .summary = "Hub for other programs: not served yet"   \
    }

static const struct route rows[] = {
    HUB(METHOD_GET, "/api/models", "hubListModels"),
    HUB(METHOD_GET, "/api/models/{path*}", "hubGetModel"),
    HUB(METHOD_POST, "/api/models/{path*}", "hubPostModel"),
    HUB(METHOD_GET, "/api/resolve-cache/{path*}", "hubResolveCache"),
    HUB(METHOD_GET, "/api/whoami-v2", "hubWhoami"),
    HUB(METHOD_GET, "/{name}/resolve/{revision}/{path*}", "hubResolve"),
    HUB(METHOD_GET, "/{org}/{name}/resolve/{revision}/{path*}", "hubResolveOrg"),
    HUB(METHOD_GET, "/{name}/raw/{revision}/{path*}", "hubRaw"),
    HUB(METHOD_GET, "/{org}/{name}/raw/{revision}/{path*}", "hubRawOrg"),
};
const struct route_table hub_routes = ROUTE_TABLE(rows);
