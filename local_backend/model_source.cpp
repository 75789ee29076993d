#include "local_backend/model_source.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include <fmt/format.h>

#include "local_backend/synthetic_model.h"
#include "metrics/base/hash.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kSynthetic = "synth/";
constexpr std::uint64_t kHashedBytes = 65'536;  // of each tensor of a synthetic model

bool is_synthetic(const std::filesystem::path& location) {
  std::error_code error;
  return location.string().starts_with(kSynthetic) && !std::filesystem::exists(location, error);
}

struct ValueText {
  std::string& out;
  template <class T>
  void operator()(const T& value) const {
    fmt::format_to(std::back_inserter(out), "{} ", value);
  }
  void operator()(const std::shared_ptr<const GgufArray>& array) const {
    for (const auto value : array->integers) (*this)(value);
    for (const auto value : array->reals) (*this)(value);
    for (const auto& value : array->texts) (*this)(value);
  }
};

Result<std::string> hash_in_memory(const GgufFile& file) {
  std::string text;
  for (const auto& [key, value] : file.metadata()) {
    text += key + ' ';
    std::visit(ValueText{text}, value);
    text += '\n';
  }
  std::vector<std::byte> bytes;
  for (const TensorInfo& tensor : file.tensors()) {
    bytes.resize(static_cast<std::size_t>(std::min(tensor.bytes, kHashedBytes)));
    if (auto read = file.read_tensor(tensor, 0, bytes); !read) return fail(read.error());
    text += fmt::format("{} {} {} {}\n", tensor.name, static_cast<std::uint32_t>(tensor.type),
                        tensor.bytes, sha256(bytes));
  }
  return sha256(text);
}

}  // namespace

Result<GgufFile> open_model(const std::filesystem::path& location) {
  if (!is_synthetic(location)) return GgufFile::open(location);
  const auto spec = parse_synthetic(location.string());
  if (!spec) return fail(spec.error());
  return synthetic_model(*spec);
}

Result<std::string> model_sha256(const std::filesystem::path& location) {
  const auto file = open_model(location);
  if (!file) return fail(file.error());
  const auto paths = file->paths();
  return paths.empty() ? hash_in_memory(*file) : sha256_files(paths);
}

}  // namespace pennyweight::llm
