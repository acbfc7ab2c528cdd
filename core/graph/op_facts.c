#include "core/graph/graph.h"

static const thaw_op_facts facts[THAW_OP_KIND_END] = {
#define THAW_OP_FACTS(kind, name, attr_bytes, in_place, of0, of1)                                            \
    [kind] = {name, attr_bytes, in_place, {of0, of1}},
#include "core/graph/ops.def"
#undef THAW_OP_FACTS
    /* The moving statistics, outputs 3 and 4, take the place of inputs 2 and 3. */
    [THAW_OP_BN_TRAIN] = {"bn_train", sizeof(thaw_bn_attr), 1u << 3 | 1u << 4, {0, 0, 0, 2, 3}},
};

const thaw_op_facts *thaw_op_facts_of(uint32_t kind)
{
    return kind < THAW_OP_KIND_END && facts[kind].name ? &facts[kind] : NULL;
}
