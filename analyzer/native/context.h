// onnxruntime's kernel calls, with exceptions inside and statuses outside.
#pragma once

#include <cstdint>
#include <exception>
#include <new>
#include <vector>

#include "host.h"
#include "lanes.h"
#include "refused.h"
#include "runtime.h"

namespace relucid {

// Throws Refused with the runtime's own words.
void check(const OrtApi* api, OrtStatus* status);

// Runs what may throw; nothing is thrown further, since the runtime is called through C.
template <class Call>
OrtStatus* guarded(const OrtApi* api, const char* name, const Call& call) noexcept;

struct Value {
  const void* data;
  ONNXTensorElementDataType type;
  std::vector<int64_t> shape;
};

// One call of a kernel: its values in and out, and the pool of threads it may use.
class Context : public Host {
 public:
  Context(const OrtApi* api, OrtKernelContext* context);
  ~Context() override;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Value input(size_t index) const;

  // Memory for an output, or null where the node does not name it.
  void* output(size_t index, const std::vector<int64_t>& shape) const;

  template <class Element>
  Element* output(size_t index, const std::vector<int64_t>& shape) const {
    return static_cast<Element*>(output(index, shape));
  }

 private:
  void start(size_t count, void (*task)(void*, size_t), void* of) const override;
  void* take(size_t bytes) const override;
  void give_back(void* memory) const override;

  const OrtApi* api_;
  OrtKernelContext* context_;
  OrtAllocator* allocator_ = nullptr;
};

int64_t whole_attribute(const OrtApi* api, const OrtKernelInfo* info, const char* name, int64_t otherwise);
float real_attribute(const OrtApi* api, const OrtKernelInfo* info, const char* name, float otherwise);

OrtStatus* refusal(const OrtApi* api, const char* name, const char* why) noexcept;

template <class Call>
OrtStatus* guarded(const OrtApi* api, const char* name, const Call& call) noexcept {
  try {
    call();
    return nullptr;
  } catch (const std::bad_alloc&) {
    return refusal(api, name, "there is not enough memory");
  } catch (const std::exception& error) {
    return refusal(api, name, error.what());
  }
}

}  // namespace relucid
