// The table of one instruction set, from its vectors.
#pragma once

#include "block_kernel.h"
#include "marked_kernel.h"
#include "probe_kernel.h"
#include "square_kernel.h"

namespace relucid {
namespace {

template <class OfFloat32, class OfFloat64, class OfFloat16, class OfBFloat16>
Kernels table_of(const char* name) {
#define RELUCID_BY_OUTPUTS(kernel, L)                                                                    \
  {                                                                                                      \
    {kernel<L, false, false>, kernel<L, false, true>}, { kernel<L, true, false>, kernel<L, true, true> } \
  }
#define RELUCID_BY_TYPE(kernel)                                                       \
  {                                                                                   \
    RELUCID_BY_OUTPUTS(kernel, OfFloat32), RELUCID_BY_OUTPUTS(kernel, OfFloat64),     \
        RELUCID_BY_OUTPUTS(kernel, OfFloat16), RELUCID_BY_OUTPUTS(kernel, OfBFloat16) \
  }
  return {name,
          RELUCID_BY_TYPE(planes),
          RELUCID_BY_TYPE(rows),
          RELUCID_BY_OUTPUTS(blocks, OfFloat32),
          OfFloat32::kLanes,
          keys,
          pack_rows<OfFloat32>,
          pack_planes<OfFloat32>,
          pack_blocks<OfFloat32>,
          square<OfFloat32>,
          mark,
          square_marked<OfFloat32>};
#undef RELUCID_BY_TYPE
#undef RELUCID_BY_OUTPUTS
}

}  // namespace
}  // namespace relucid
