#include "tests/local_backend/edited_model.h"

#include <algorithm>

#include "local_backend/gguf/gguf_writer.h"
#include "tests/test.h"

namespace pennyweight::llm::test {

void edit_model(const std::filesystem::path& from, const std::filesystem::path& to,
                const ModelEdit& edit) {
  const auto file = GgufFile::open(from);
  REQUIRE(file);
  const auto dropped = [&](const std::string& name) {
    return std::ranges::find(edit.without, name) != edit.without.end();
  };
  GgufWriter writer;
  for (const auto& [key, value] : file->metadata())
    if (!dropped(key)) writer.set(key, value);
  for (const auto& [key, value] : edit.set) writer.set(key, value);
  for (const TensorInfo& original : file->tensors()) {
    TensorInfo tensor = original;
    if (edit.change) edit.change(tensor);
    if (dropped(tensor.name)) continue;
    writer.add_tensor(tensor.name, tensor.ne, tensor.type,
                      [&file, &original](std::span<std::byte> out) -> Result<void> {
                        if (out.size() == original.bytes) return file->read_tensor(original, out);
                        std::ranges::fill(out, std::byte{0});
                        return {};
                      });
  }
  for (const auto& [name, values] : edit.add)
    writer.add_tensor(name, {values.size()}, TensorType::f32,
                      [&values = values](std::span<std::byte> out) -> Result<void> {
                        std::ranges::copy(std::as_bytes(std::span(values)), out.begin());
                        return {};
                      });
  REQUIRE(writer.write(to));
}

}  // namespace pennyweight::llm::test
