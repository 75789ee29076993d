#include "local_backend/gguf/split_files.h"

#include <fmt/format.h>

#include "local_backend/gguf/name_index.h"

namespace pennyweight::llm {
namespace {

constexpr std::uint64_t kMostParts = 99'999;  // five digits

std::string file_ending(std::uint64_t number, std::uint64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

tl::unexpected<Error> refuse_part(const std::filesystem::path& path, std::string why,
                                  std::string fix = "") {
  return fail(ErrorKind::invalid_input, "\"" + path.string() + "\" does not fit the model it is of",
              std::move(why), std::move(fix));
}

// Whether `part` is the one that belongs after `number` others beside `first`.
Result<void> check_part(const std::filesystem::path& path, const SplitPart& first,
                        const SplitPart& part, std::uint64_t number) {
  if (part.count != first.count) {
    return refuse_part(path, fmt::format("it is of a model in {} files, the first file's is in {}",
                                         part.count, first.count));
  }
  if (part.number != number) {
    return refuse_part(path, fmt::format("by its name it is part {}, by its metadata part {}",
                                         number + 1, part.number + 1));
  }
  if (part.tensors != first.tensors) {
    return refuse_part(path, "it is of a model with another number of tensors");
  }
  return {};
}

}  // namespace

Result<SplitPart> split_part(const GgufFile& file) {
  SplitPart part;
  auto count = file.unsigned_value("split.count");
  if (!count) return fail(count.error());
  if (count->value_or(1) <= 1) return part;
  auto number = file.unsigned_value("split.no");
  if (!number) return fail(number.error());
  auto tensors = file.unsigned_value("split.tensors.count");
  if (!tensors) return fail(tensors.error());
  part = {number->value_or(0), **count, *tensors};
  if (!*number || part.number >= part.count || part.count > kMostParts) {
    return fail(ErrorKind::invalid_input, "not a usable part of a split model",
                fmt::format("split.no is {}, split.count {}",
                            *number ? fmt::to_string(part.number) : "missing", part.count));
  }
  return part;
}

Result<std::filesystem::path> split_path(const std::filesystem::path& first, std::uint64_t number,
                                         std::uint64_t count) {
  const std::string name = first.filename().string(), ending = file_ending(0, count);
  if (!name.ends_with(ending)) {
    return refuse_part(
        first,
        fmt::format("it is the first of {} files and its name does not end in \"{}\"", count,
                    ending),
        "give all files the names that they were published with");
  }
  return first.parent_path() /
         (name.substr(0, name.size() - ending.size()) + file_ending(number, count));
}

Result<void> GgufFile::join_parts(const std::filesystem::path& path) {
  const auto first = split_part(*this);
  if (!first) return refuse_part(path, first.error().what + ": " + first.error().why);
  if (first->count <= 1) return {};
  if (first->number != 0) {
    return refuse_part(path, fmt::format("it is part {} of {}", first->number + 1, first->count),
                       "name the first part, whose name ends in " + file_ending(0, first->count));
  }
  for (std::uint64_t number = 1; number < first->count; ++number) {
    const auto other = split_path(path, number, first->count);
    if (!other) return fail(other.error());
    auto part = open_part(*other);
    if (!part) {
      Error error = part.error();
      if (error.kind == ErrorKind::not_found) error.fix = "put all parts beside the first";
      return fail(std::move(error));
    }
    const auto keys = split_part(*part);
    if (!keys) return refuse_part(*other, keys.error().what + ": " + keys.error().why);
    if (auto fits = check_part(*other, *first, *keys, number); !fits) return fits;
    for (TensorInfo& tensor : part->tensors_) {
      tensor.part = number;
      tensors_.push_back(std::move(tensor));
    }
    file_size_ += part->file_size_;
    files_.push_back(std::move(part->files_.front()));
  }
  if (first->tensors && *first->tensors != tensors_.size()) {
    return refuse_part(path, fmt::format("its parts hold {} tensors in place of {}",
                                         tensors_.size(), *first->tensors));
  }
  tensors_by_name_ = sorted_by_name(tensors_, kTensorName);
  if (const auto* twice = repeated_name(tensors_, tensors_by_name_, kTensorName)) {
    return refuse_part(path, "tensor \"" + *twice + "\" is in two of its parts");
  }
  forget_split_keys();
  return {};
}

// It is one model from here on, and so is a copy that keeps the metadata.
void GgufFile::forget_split_keys() {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < metadata_.size(); ++i) {
    if (metadata_[i].first.starts_with(kSplitKeys)) continue;
    if (kept != i) {
      metadata_[kept] = std::move(metadata_[i]);
      metadata_extents_[kept] = metadata_extents_[i];
    }
    ++kept;
  }
  metadata_.resize(kept);
  metadata_extents_.resize(kept);
  metadata_by_key_ = sorted_by_name(metadata_, kMetadataKey);
}

}  // namespace pennyweight::llm
