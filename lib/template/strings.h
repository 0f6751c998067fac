#pragma once
/* What methods of str and filters share. They take and give values that are strings. */
#include "template/render.h"
#include "template/text.h"

enum cased { CASED_UPPER, CASED_LOWER, CASED_TITLE, CASED_CAPITALIZE, CASED_SWAP };
bool str_cased(struct render *r, struct value v, enum cased how, struct value *ret);
/* which: 1 left, 2 right, 3 both; set NULL: white space. */
bool str_strip(struct render *r, struct value v, int which, const struct str *set,
               struct value *ret);
bool str_replace(struct render *r, struct value v, const struct str *old, const struct str *with,
                 int64_t count, struct value *ret);
/* Lines without their ends (or with), as a list. */
bool str_lines(struct render *r, struct value v, bool keep_ends, struct value *ret);
/* To width code points with fill, n_left of the added ones at the left: see str.center. */
bool str_pad(struct render *r, struct value v, int64_t width, int side, const struct str *fill,
             struct value *ret);
bool str_join(struct render *r, struct value sep, struct value list, bool convert,
              struct value *ret);
