#pragma once
/* The description of the API, made of openapi.yaml at build time. */

extern const char openapi_yaml[], openapi_json[];
extern const char openapi_yaml_etag[], openapi_json_etag[]; /* quoted */
