// The kernels for any processor.
#include "kernels.h"
#include "lanes_plain.h"
#include "table_of_kernels.h"

namespace relucid {

const Kernels& plain_kernels() {
  using namespace plain;
  static const Kernels kernels = table_of<OfFloat32, OfFloat64, OfFloat16, OfBFloat16>("plain");
  return kernels;
}

}  // namespace relucid
