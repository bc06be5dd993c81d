// Probe, ReluProbe and CoMoment, each for every type of values: their schema, their attributes, their calls.
#include "operators.h"

#include <array>
#include <memory>
#include <string>

#include "comoment.h"
#include "context.h"
#include "probe.h"

namespace relucid {
namespace {

constexpr std::array<ONNXTensorElementDataType, kTypes> kElements{
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
    ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16,
};

enum class Kind { kProbe, kReluProbe, kCoMoment };

// One operator for one type of values; several of one name are one operator to the runtime.
struct Operator : runtime::CustomOp {
  Kind kind;
  Type type;

  const char* name() const {
    return kind == Kind::kProbe ? "Probe" : kind == Kind::kReluProbe ? "ReluProbe" : "CoMoment";
  }

  ONNXTensorElementDataType element() const { return kElements[static_cast<size_t>(type)]; }

  ONNXTensorElementDataType output(size_t index) const {
    if (kind == Kind::kCoMoment && index > 0) return ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE;
    if (kind == Kind::kCoMoment) return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    if (kind == Kind::kReluProbe && index-- == 0) return element();
    if (index < 2) return type == Type::kFloat64 ? element() : ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    if (index == 2) return ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
    return index < 6 ? ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL : ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64;
  }

  size_t outputs() const { return kind == Kind::kCoMoment ? 3 : kind == Kind::kReluProbe ? 8 : 7; }
};

class Kernel {
 public:
  Kernel(const Operator& of, const OrtApi* api, const OrtKernelInfo* info)
      : of_(of),
        api_(api),
        axes_{whole_attribute(api, info, "sample_axis", 0), whole_attribute(api, info, "unit_axis", 1),
              whole_attribute(api, info, "every_position", 0) != 0,
              {whole_attribute(api, info, "block", 0), whole_attribute(api, info, "channels", 0)}},
        threshold_(real_attribute(api, info, "threshold", 0)),
        rectify_(whole_attribute(api, info, "rectify", 0) != 0),
        want_keys_(whole_attribute(api, info, "want_keys", 0) != 0),
        words_(whole_attribute(api, info, "keys_seed", 0)) {}

  const Operator& of() const { return of_; }
  const OrtApi* api() const { return api_; }

  void compute(OrtKernelContext* at) {
    const Context context(api_, at);
    const Value value = context.input(0);
    if (value.type != of_.element()) throw Refused("its values are of another type than the node was made for");
    if (axes_.blocks.size != 0 && of_.type != Type::kFloat32) throw Refused("only floats lie in blocks");
    const Tap tap{value.data, of_.type, arrange(value.shape, axes_)};
    if (of_.kind == Kind::kCoMoment) {
      sum(context, tap);
    } else {
      look(context, tap, value.shape);
    }
  }

 private:
  void look(const Context& context, const Tap& tap, const std::vector<int64_t>& shape) {
    const int64_t samples = tap.layout.samples.count, units = tap.layout.unit_count();
    Probed to{};
    size_t index = 0;
    if (of_.kind == Kind::kReluProbe) {
      to.h = context.output(index++, shape);
      if (to.h == nullptr) throw Refused("its first output, h, must be named");
    }
    to.low = context.output(index++, {units});
    to.high = context.output(index++, {units});
    to.active = context.output<int64_t>(index++, {units});
    to.dead = context.output<bool>(index++, {samples});
    to.linear = context.output<bool>(index++, {samples});
    to.finite = context.output<bool>(index++, {samples});
    to.keys = context.output<uint64_t>(index, {want_keys_ ? samples : 0, tap.layout.positions.count()});
    const auto words = want_keys_ && to.keys != nullptr ? words_.get(units, axes_.blocks.size != 0) : nullptr;
    probe(tap, threshold_, words.get(), to, context);
  }

  void sum(const Context& context, const Tap& tap) {
    const int64_t units = tap.layout.unit_count();
    auto* count = context.output<int64_t>(0, {});
    auto* mean = context.output<double>(1, {units});
    auto* m2 = context.output<double>(2, {in_triangle(units)});
    if (count != nullptr) *count = tap.layout.samples.count * tap.layout.positions.count();
    comoment(tap, threshold_, rectify_, mean, m2, context);
  }

  const Operator& of_;
  const OrtApi* api_;
  Axes axes_;
  float threshold_;
  bool rectify_;
  bool want_keys_;
  WordsOfSeed words_;
};

const Operator& as_operator(const runtime::CustomOp* op) { return *static_cast<const Operator*>(op); }

Operator made(Kind kind, Type type) {
  Operator op{};
  op.kind = kind;
  op.type = type;
  op.version = runtime::kVersion;
  op.GetName = [](const runtime::CustomOp* self) { return as_operator(self).name(); };
  op.GetExecutionProviderType = [](const runtime::CustomOp*) { return "CPUExecutionProvider"; };
  op.GetInputTypeCount = [](const runtime::CustomOp*) -> size_t { return 1; };
  op.GetInputType = [](const runtime::CustomOp* self, size_t) { return as_operator(self).element(); };
  op.GetOutputTypeCount = [](const runtime::CustomOp* self) { return as_operator(self).outputs(); };
  op.GetOutputType = [](const runtime::CustomOp* self, size_t index) { return as_operator(self).output(index); };
  op.GetInputCharacteristic = [](const runtime::CustomOp*, size_t) { return INPUT_OUTPUT_REQUIRED; };
  op.GetOutputCharacteristic = [](const runtime::CustomOp*, size_t) { return INPUT_OUTPUT_OPTIONAL; };
  op.GetInputMemoryType = [](const runtime::CustomOp*, size_t) { return OrtMemTypeDefault; };
  op.GetVariadicInputMinArity = op.GetVariadicOutputMinArity = [](const runtime::CustomOp*) { return 1; };
  op.GetVariadicInputHomogeneity = op.GetVariadicOutputHomogeneity = [](const runtime::CustomOp*) { return 1; };
  op.CreateKernelV2 = [](const runtime::CustomOp* self, const OrtApi* api, const OrtKernelInfo* info, void** kernel) {
    const Operator& of = as_operator(self);
    return guarded(api, of.name(), [&] { *kernel = new Kernel(of, api, info); });
  };
  op.KernelComputeV2 = [](void* kernel, OrtKernelContext* context) {
    auto& of = *static_cast<Kernel*>(kernel);
    return guarded(of.api(), of.of().name(), [&] { of.compute(context); });
  };
  op.KernelDestroy = [](void* kernel) { delete static_cast<Kernel*>(kernel); };
  op.GetStartVersion = [](const runtime::CustomOp*) { return 1; };
  op.GetEndVersion = [](const runtime::CustomOp*) { return 1; };
  if (kind == Kind::kReluProbe) {
    op.GetMayInplace = [](int** input, int** output) -> size_t {
      static int first[1] = {0};
      *input = *output = first;
      return 1;
    };
    op.ReleaseMayInplace = [](int*, int*) {};
  }
  return op;
}

}  // namespace

OrtStatus* add_operators(const OrtApi* api, OrtCustomOpDomain* domain) {
  static const auto operators = [] {
    std::array<Operator, 3 * kTypes> all{};
    size_t at = 0;
    for (const Kind kind : {Kind::kProbe, Kind::kReluProbe, Kind::kCoMoment}) {
      for (int type = 0; type < kTypes; ++type) all[at++] = made(kind, static_cast<Type>(type));
    }
    return all;
  }();
  for (const Operator& op : operators) {
    OrtStatus* status = runtime::CustomOpDomain_Add(api)(domain, &op);
    if (status != nullptr) return status;
  }
  return nullptr;
}

}  // namespace relucid
