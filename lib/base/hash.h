#pragma once
/*
 * Hashes: SHA-1 and SHA-256 (nettle) where bytes must be told apart for good,
 * and a fast keyed one for tables that strangers may fill.
 */
#include "base/base.h"

enum { SHA256_HEX = 65, SHA1_HEX = 41 }; /* with the NUL */

void hash_sha256_hex(const void *data, size_t size, char ret[SHA256_HEX]);
/* The name Git gives a blob: sha1("blob " + size + NUL + data). */
void hash_git_blob_hex(const void *data, size_t size, char ret[SHA1_HEX]);
void hash_hex(const uint8_t *digest, size_t size, char *ret); /* 2*size digits and a NUL */

/* SipHash-1-3, keyed once per process: collisions cannot be made from outside. */
uint64_t hash_table_key(const void *data, size_t size);
