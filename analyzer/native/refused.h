// A wrong use of an operator: one line that says what was expected and what it got. Never leaves this library.
#pragma once

#include <stdexcept>

namespace relucid {

struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace relucid
