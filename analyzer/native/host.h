// What the runtime lends for one call: its thread pool, and memory it has at hand.
#pragma once

#include <cstddef>
#include <cstdint>

namespace relucid {

class Host {
 public:
  virtual ~Host() = default;

  // Calls task(0) ... task(count - 1), some at the same time; returns when all are done. A task must not throw.
  template <class Task>
  void run(int64_t count, const Task& task) const {
    if (count == 1) {
      task(int64_t{0});
      return;
    }
    start(
        static_cast<size_t>(count),
        [](void* of, size_t number) { (*static_cast<const Task*>(of))(static_cast<int64_t>(number)); },
        const_cast<void*>(static_cast<const void*>(&task)));
  }

 private:
  template <class Element>
  friend class Scratch;

  virtual void start(size_t count, void (*task)(void*, size_t), void* of) const = 0;
  virtual void* take(size_t bytes) const = 0;  // throws where there is none
  virtual void give_back(void* memory) const = 0;
};

// Memory for numbers, not yet set, for as long as the call lasts.
template <class Element>
class Scratch {
 public:
  Scratch(const Host& host, int64_t count)
      : host_(host), memory_(static_cast<Element*>(host.take(static_cast<size_t>(count) * sizeof(Element)))) {}
  ~Scratch() { host_.give_back(memory_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  Element* get() const { return memory_; }

 private:
  const Host& host_;
  Element* memory_;
};

// Where part `number` of `parts` even parts of `whole` begins.
inline int64_t begin_of(int64_t number, int64_t parts, int64_t whole) {
  return number * (whole / parts) + (number < whole % parts ? number : whole % parts);
}

}  // namespace relucid
