// The exported functions: onnxruntime looks up RegisterCustomOps, Python calls the rest by ctypes.
#include "operators.h"

#include <map>
#include <mutex>
#include <new>

#include "context.h"
#include "kernels.h"
#include "table.h"

#define RELUCID_EXPORT extern "C" __attribute__((visibility("default")))

// Python compares this number with its own, and refuses a library built from other sources.
RELUCID_EXPORT int relucid_abi() { return 3; }

// Name of the instruction set in use.
RELUCID_EXPORT const char* relucid_kernels() { return relucid::kernels().name; }

// Take another, for tests; 0 where the processor has none such.
RELUCID_EXPORT int relucid_choose_kernels(const char* name) { return relucid::choose_kernels(name) ? 1 : 0; }

// A pattern table; null where memory ran out.
RELUCID_EXPORT relucid::Table* relucid_table_create(int64_t capacity) {
  try {
    return new relucid::Table(capacity);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

RELUCID_EXPORT void relucid_table_destroy(relucid::Table* table) { delete table; }

// 0 where memory ran out.
RELUCID_EXPORT int relucid_table_add(relucid::Table* table, const uint64_t* keys, int64_t count) {
  try {
    table->add(keys, count);
    return 1;
  } catch (const std::bad_alloc&) {
    return 0;
  }
}

// Level, total, number of sampled keys, number of frequent ones, most occurrences of a key that is in neither.
RELUCID_EXPORT void relucid_table_sizes(const relucid::Table* table, int64_t* sizes) {
  sizes[0] = table->level();
  sizes[1] = table->total();
  sizes[2] = table->size();
  sizes[3] = table->frequent().size();
  sizes[4] = table->frequent().floor();
}

RELUCID_EXPORT void relucid_table_read(const relucid::Table* table, uint64_t* keys, int64_t* counts) {
  table->read(keys, counts);
}

RELUCID_EXPORT void relucid_table_frequent(const relucid::Table* table, uint64_t* keys, int64_t* seen,
                                           int64_t* missed) {
  table->frequent().read(keys, seen, missed);
}

RELUCID_EXPORT OrtStatus* RegisterCustomOps(OrtSessionOptions* options, const relucid::runtime::ApiBase* base) {
  using namespace relucid::runtime;
  const OrtApi* api = base->GetApi(kVersion);
  if (api == nullptr) {
    return CreateStatus(base->GetApi(1))(ORT_FAIL,
                                         "relucid: this onnxruntime is older than its operators; take 1.18 or later");
  }
  return relucid::guarded(api, "RegisterCustomOps", [&] {
    // The runtime keeps a pointer to the domain for as long as this library is loaded.
    static std::mutex lock;
    static std::map<const OrtApi*, OrtCustomOpDomain*> domains;
    const std::lock_guard<std::mutex> guard(lock);
    OrtCustomOpDomain*& domain = domains[api];
    if (domain == nullptr) {
      OrtCustomOpDomain* made = nullptr;
      relucid::check(api, CreateCustomOpDomain(api)("relucid", &made));
      relucid::check(api, relucid::add_operators(api, made));
      domain = made;
    }
    relucid::check(api, AddCustomOpDomain(api)(options, domain));
  });
}
