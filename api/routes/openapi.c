/* OpenAPI: the description of this API. */
#include "api/openapi.h"

#include "api/routes/routes.h"

static void get_json(struct request *req)
{
    reply_etag(req, openapi_json_etag);
    reply_cacheable(req, 0);
    reply_text(req, 200, openapi_json, "application/json");
}

static void get_yaml(struct request *req)
{
    reply_etag(req, openapi_yaml_etag);
    reply_cacheable(req, 0);
    reply_text(req, 200, openapi_yaml, "application/yaml");
}

static const struct route rows[] = {
    {METHOD_GET, "/openapi.json", get_json, .id = "getOpenapiJson", .tag = "daemon",
     .summary = "This description"},
    {METHOD_GET, "/openapi.yaml", get_yaml, .id = "getOpenapiYaml", .tag = "daemon",
     .answer_type = "application/yaml", .summary = "This description, as written"},
};
const struct route_table openapi_routes = ROUTE_TABLE(rows);
