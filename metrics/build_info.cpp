#include <string_view>

#include "metrics/build_commit.h"  // made by the build
#include "metrics/machine.h"

namespace pennyweight {
namespace {

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __clang_version__;
#elif defined(__GNUC__)
constexpr const char* kCompiler = "g++ " __VERSION__;
#else
constexpr const char* kCompiler = "unknown";
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer) || __has_feature(undefined_behavior_sanitizer)
constexpr bool kSanitizer = true;
#else
constexpr bool kSanitizer = false;
#endif
#else
constexpr bool kSanitizer = false;
#endif

#if defined(__OPTIMIZE__)
constexpr bool kOptimised = true;
#else
constexpr bool kOptimised = false;
#endif

// A Debug build may be compiled with -O1; its checks still make it no build to measure with.
constexpr bool release_type(std::string_view type) {
  return type == "Release" || type == "RelWithDebInfo" || type == "MinSizeRel";
}

}  // namespace

const BuildInfo& build_info() {
  static constexpr BuildInfo info{PENNYWEIGHT_VERSION,
                                  PENNYWEIGHT_COMMIT,
                                  kCompiler,
                                  PENNYWEIGHT_BUILD_TYPE,
                                  kOptimised && release_type(PENNYWEIGHT_BUILD_TYPE),
                                  kSanitizer};
  return info;
}

}  // namespace pennyweight
