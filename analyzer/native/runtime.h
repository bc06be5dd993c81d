// The small part of onnxruntime's C interface that our operators use.
//
// The runtime's wheels carry no header. Its interface is one structure of functions, append-only and versioned: a place
// once given never changes. So a place in that structure and the type of the function there are all that is declared
// here; nothing of the runtime is linked. A test holds every line against the official header where that is installed.
#pragma once

#include <cstddef>
#include <cstdint>

struct OrtAllocator;
struct OrtApi;
struct OrtCustomOpDomain;
struct OrtKernelContext;
struct OrtKernelInfo;
struct OrtMemoryInfo;
struct OrtSessionOptions;
struct OrtStatus;
struct OrtTensorTypeAndShapeInfo;
struct OrtValue;

#ifndef ORT_API_VERSION  // otherwise the official header was included first, and these are checked against it
enum OrtErrorCode { ORT_OK, ORT_FAIL, ORT_INVALID_ARGUMENT };
enum ONNXTensorElementDataType {
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED = 0,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT = 1,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 = 7,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL = 9,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16 = 10,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE = 11,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 = 13,
  ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16 = 16,
};
enum OrtAllocatorType { OrtArenaAllocator = 1 };
enum OrtMemType { OrtMemTypeDefault = 0 };
enum OrtCustomOpInputOutputCharacteristic { INPUT_OUTPUT_REQUIRED, INPUT_OUTPUT_OPTIONAL };
#endif

namespace relucid::runtime {

// The oldest version of the interface that has all of it: in-place outputs of custom operators exist since 18.
constexpr uint32_t kVersion = 18;

struct ApiBase {
  const OrtApi* (*GetApi)(uint32_t version);
  const char* (*GetVersionString)();
};

// X(name, index in the structure, return type, parameters)
#define RELUCID_RUNTIME_FUNCTIONS(X)                                                                                 \
  X(CreateStatus, 0, OrtStatus*, (OrtErrorCode, const char*))                                                        \
  X(GetErrorMessage, 2, const char*, (const OrtStatus*))                                                             \
  X(CreateCustomOpDomain, 26, OrtStatus*, (const char*, OrtCustomOpDomain**))                                        \
  X(AddCustomOpDomain, 28, OrtStatus*, (OrtSessionOptions*, OrtCustomOpDomain*))                                     \
  X(GetTensorMutableData, 51, OrtStatus*, (OrtValue*, void**))                                                       \
  X(GetTensorElementType, 60, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, ONNXTensorElementDataType*))            \
  X(GetDimensionsCount, 61, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, size_t*))                                 \
  X(GetDimensions, 62, OrtStatus*, (const OrtTensorTypeAndShapeInfo*, int64_t*, size_t))                             \
  X(GetTensorTypeAndShape, 65, OrtStatus*, (const OrtValue*, OrtTensorTypeAndShapeInfo**))                           \
  X(CreateCpuMemoryInfo, 69, OrtStatus*, (OrtAllocatorType, OrtMemType, OrtMemoryInfo**))                            \
  X(KernelInfoGetAttribute_float, 85, OrtStatus*, (const OrtKernelInfo*, const char*, float*))                       \
  X(KernelInfoGetAttribute_int64, 86, OrtStatus*, (const OrtKernelInfo*, const char*, int64_t*))                     \
  X(KernelContext_GetOutputCount, 89, OrtStatus*, (const OrtKernelContext*, size_t*))                                \
  X(KernelContext_GetInput, 90, OrtStatus*, (const OrtKernelContext*, size_t, const OrtValue**))                     \
  X(KernelContext_GetOutput, 91, OrtStatus*, (OrtKernelContext*, size_t, const int64_t*, size_t, OrtValue**))        \
  X(ReleaseStatus, 93, void, (OrtStatus*))                                                                           \
  X(ReleaseMemoryInfo, 94, void, (OrtMemoryInfo*))                                                                   \
  X(ReleaseTensorTypeAndShapeInfo, 99, void, (OrtTensorTypeAndShapeInfo*))                                           \
  X(ReleaseAllocator, 132, void, (OrtAllocator*))                                                                    \
  X(KernelContext_GetAllocator, 253, OrtStatus*, (const OrtKernelContext*, const OrtMemoryInfo*, OrtAllocator**))    \
  X(KernelContext_ParallelFor, 274, OrtStatus*,                                                                      \
    (const OrtKernelContext*, void (*)(void*, size_t), size_t, size_t, void*))

// relucid::runtime::Name(api) is the function of that name.
#define RELUCID_RUNTIME_ACCESS(name, place, result, parameters)                   \
  using name##Function = result(*) parameters;                                    \
  constexpr size_t k##name = place;                                               \
  inline name##Function name(const OrtApi* api) {                                 \
    return reinterpret_cast<const name##Function*>(api)[k##name];                 \
  }
RELUCID_RUNTIME_FUNCTIONS(RELUCID_RUNTIME_ACCESS)
#undef RELUCID_RUNTIME_ACCESS

// The head of OrtAllocator.
struct Allocator {
  uint32_t version;
  void* (*Alloc)(OrtAllocator*, size_t);
  void (*Free)(OrtAllocator*, void*);
};

// CustomOpDomain_Add takes the structure below, which official code calls OrtCustomOp.
struct CustomOp {
  uint32_t version;
  void* (*CreateKernel)(const CustomOp*, const OrtApi*, const OrtKernelInfo*);
  const char* (*GetName)(const CustomOp*);
  const char* (*GetExecutionProviderType)(const CustomOp*);
  ONNXTensorElementDataType (*GetInputType)(const CustomOp*, size_t);
  size_t (*GetInputTypeCount)(const CustomOp*);
  ONNXTensorElementDataType (*GetOutputType)(const CustomOp*, size_t);
  size_t (*GetOutputTypeCount)(const CustomOp*);
  void (*KernelCompute)(void*, OrtKernelContext*);
  void (*KernelDestroy)(void*);
  OrtCustomOpInputOutputCharacteristic (*GetInputCharacteristic)(const CustomOp*, size_t);
  OrtCustomOpInputOutputCharacteristic (*GetOutputCharacteristic)(const CustomOp*, size_t);
  OrtMemType (*GetInputMemoryType)(const CustomOp*, size_t);
  int (*GetVariadicInputMinArity)(const CustomOp*);
  int (*GetVariadicInputHomogeneity)(const CustomOp*);
  int (*GetVariadicOutputMinArity)(const CustomOp*);
  int (*GetVariadicOutputHomogeneity)(const CustomOp*);
  OrtStatus* (*CreateKernelV2)(const CustomOp*, const OrtApi*, const OrtKernelInfo*, void**);
  OrtStatus* (*KernelComputeV2)(void*, OrtKernelContext*);
  OrtStatus* (*InferOutputShapeFn)(const CustomOp*, void*);
  int (*GetStartVersion)(const CustomOp*);
  int (*GetEndVersion)(const CustomOp*);
  size_t (*GetMayInplace)(int**, int**);
  void (*ReleaseMayInplace)(int*, int*);
  size_t (*GetAliasMap)(int**, int**);
  void (*ReleaseAliasMap)(int*, int*);
};

using CustomOpDomain_AddFunction = OrtStatus* (*)(OrtCustomOpDomain*, const CustomOp*);
constexpr size_t kCustomOpDomain_Add = 27;
inline CustomOpDomain_AddFunction CustomOpDomain_Add(const OrtApi* api) {
  return reinterpret_cast<const CustomOpDomain_AddFunction*>(api)[kCustomOpDomain_Add];
}

}  // namespace relucid::runtime
