// onnxruntime's kernel calls.
#include "context.h"

#include <cstdio>
#include <string>

namespace relucid {
namespace {

bool read(const OrtApi* api, OrtStatus* status) {
  runtime::ReleaseStatus(api)(status);
  return status == nullptr;
}

}  // namespace

void check(const OrtApi* api, OrtStatus* status) {
  if (status == nullptr) return;
  const std::string told = runtime::GetErrorMessage(api)(status);
  runtime::ReleaseStatus(api)(status);
  throw Refused(told);
}

OrtStatus* refusal(const OrtApi* api, const char* name, const char* why) noexcept {
  char line[512];
  std::snprintf(line, sizeof line, "relucid.%s: %s", name, why);
  return runtime::CreateStatus(api)(ORT_INVALID_ARGUMENT, line);
}

Context::Context(const OrtApi* api, OrtKernelContext* context) : api_(api), context_(context) {
  OrtMemoryInfo* memory = nullptr;
  check(api, runtime::CreateCpuMemoryInfo(api)(OrtArenaAllocator, OrtMemTypeDefault, &memory));
  OrtStatus* status = runtime::KernelContext_GetAllocator(api)(context, memory, &allocator_);
  runtime::ReleaseMemoryInfo(api)(memory);
  check(api, status);
}

Context::~Context() { runtime::ReleaseAllocator(api_)(allocator_); }

void* Context::take(size_t bytes) const {
  if (bytes == 0) return nullptr;
  void* memory = reinterpret_cast<runtime::Allocator*>(allocator_)->Alloc(allocator_, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void Context::give_back(void* memory) const {
  if (memory != nullptr) reinterpret_cast<runtime::Allocator*>(allocator_)->Free(allocator_, memory);
}

Value Context::input(size_t index) const {
  const OrtValue* value = nullptr;
  check(api_, runtime::KernelContext_GetInput(api_)(context_, index, &value));
  if (value == nullptr) throw Refused("input " + std::to_string(index) + " is missing");
  struct Info {
    const OrtApi* api;
    OrtTensorTypeAndShapeInfo* info = nullptr;
    ~Info() { runtime::ReleaseTensorTypeAndShapeInfo(api)(info); }
  } of{api_};
  check(api_, runtime::GetTensorTypeAndShape(api_)(value, &of.info));
  Value found{};
  size_t rank = 0;
  check(api_, runtime::GetTensorElementType(api_)(of.info, &found.type));
  check(api_, runtime::GetDimensionsCount(api_)(of.info, &rank));
  found.shape.resize(rank);
  check(api_, runtime::GetDimensions(api_)(of.info, found.shape.data(), rank));
  void* data = nullptr;
  check(api_, runtime::GetTensorMutableData(api_)(const_cast<OrtValue*>(value), &data));
  found.data = data;
  return found;
}

void* Context::output(size_t index, const std::vector<int64_t>& shape) const {
  size_t count = 0;
  check(api_, runtime::KernelContext_GetOutputCount(api_)(context_, &count));
  if (index >= count) return nullptr;
  OrtValue* value = nullptr;
  check(api_, runtime::KernelContext_GetOutput(api_)(context_, index, shape.data(), shape.size(), &value));
  if (value == nullptr) return nullptr;
  void* data = nullptr;
  check(api_, runtime::GetTensorMutableData(api_)(value, &data));
  return data;
}

void Context::start(size_t count, void (*task)(void*, size_t), void* of) const {
  check(api_, runtime::KernelContext_ParallelFor(api_)(context_, task, count, 0, of));
}

int64_t whole_attribute(const OrtApi* api, const OrtKernelInfo* info, const char* name, int64_t otherwise) {
  int64_t found = otherwise;
  float real = 0;
  if (read(api, runtime::KernelInfoGetAttribute_int64(api)(info, name, &found))) return found;
  if (read(api, runtime::KernelInfoGetAttribute_float(api)(info, name, &real))) {
    throw Refused(std::string("attribute ") + name + " must be an int, came a float");
  }
  return otherwise;
}

float real_attribute(const OrtApi* api, const OrtKernelInfo* info, const char* name, float otherwise) {
  float found = otherwise;
  int64_t whole = 0;
  if (read(api, runtime::KernelInfoGetAttribute_float(api)(info, name, &found))) return found;
  if (read(api, runtime::KernelInfoGetAttribute_int64(api)(info, name, &whole))) {
    throw Refused(std::string("attribute ") + name + " must be a float, came an int");
  }
  return otherwise;
}

}  // namespace relucid
