// The operators of the domain `relucid`, as onnxruntime sees them.
#pragma once

#include "runtime.h"

namespace relucid {

// Adds all of them to a domain.
OrtStatus* add_operators(const OrtApi* api, OrtCustomOpDomain* domain);

}  // namespace relucid
