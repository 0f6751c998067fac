/* Undefined values, and what using one is called. */
#define UNDEFINED_C /* see render.h */
#include "template/render.h"

static struct value undef(struct render *r, struct undef u)
{
    struct undef *copy = arena_take(&r->arena, sizeof(*copy));

    *copy = u;
    return (struct value){.kind = V_UNDEF, .undef = copy};
}

struct value undef_name(struct render *r, struct str *name)
{
    return undef(r, (struct undef){.name = v_str(name)});
}

struct value undef_attr(struct render *r, struct value object, struct value name)
{
    return undef(r, (struct undef){.object = object, .name = name});
}

struct value undef_hint(struct render *r, const char *hint)
{
    return undef(r, (struct undef){.hint = hint});
}

bool render_fail_undef(struct render *r, struct value v)
{
    const struct undef *u = v.undef;
    const char *exception = u->exception ? u->exception : "UndefinedError";
    AUTO_BUF struct buf name = {0};
    int n;

    if (u->hint)
        return render_fail(r, exception, "%s", u->hint);
    if (!write_repr(r, u->name, &name))
        return false;
    n = name.size < 120 ? (int)name.size : 120;
    if (u->object.kind == V_MISSING)
        return render_fail(r, exception, "%.*s is undefined", n, name.data);
    if (u->object.kind == V_NONE)
        return render_fail(r, exception, "None has no attribute or element %.*s", n, name.data);
    return render_fail(r, exception, "'%s object' has no attribute or element %.*s",
                       value_type(u->object), n, name.data);
}
