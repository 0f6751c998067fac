#pragma once
/* The SQL files of schema/, embedded at build time. */
extern const char sql_registry_1[];
extern const char sql_registry_2[];
extern const char sql_cache[];
