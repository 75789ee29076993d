#include "runners/framing/sse.h"

#include <algorithm>
#include <utility>

namespace pennyweight {

Result<void> SseParser::feed(std::string_view bytes, std::vector<SseEvent>& out) {
  while (!bytes.empty() && !failed_) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {  // the rest of a \r\n
      bytes.remove_prefix(1);
      ++offset_;
      continue;
    }
    const std::size_t size = std::min(bytes.find_first_of("\r\n"), bytes.size());
    failed_ = partial_.size() + data_.size() + size > limit_;
    if (failed_) break;
    offset_ += size;
    partial_.append(bytes.substr(0, size));
    bytes.remove_prefix(size);
    if (bytes.empty()) break;
    after_cr_ = bytes.front() == '\r';
    ++offset_;
    bytes.remove_prefix(1);
    line(partial_, out);
    partial_.clear();
  }
  if (!failed_) return {};
  return fail(ErrorKind::invalid_input,
              "an event of the stream is larger than " + std::to_string(limit_) + " bytes");
}

Result<void> SseParser::finish(std::vector<SseEvent>& out) {
  if (failed_) return feed({}, out);
  if (!partial_.empty()) line(std::exchange(partial_, {}), out);
  dispatch(out);
  return {};
}

void SseParser::line(std::string_view text, std::vector<SseEvent>& out) {
  constexpr std::string_view kBom = "\xEF\xBB\xBF";
  if (std::exchange(at_start_, false) && text.starts_with(kBom)) text.remove_prefix(kBom.size());
  if (text.empty()) return dispatch(out);
  if (text.front() == ':') {
    ++comments_;
    return;
  }
  const std::size_t colon = text.find(':');
  const std::string_view field = text.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (std::exchange(has_data_, true)) data_ += '\n';
    data_ += value;
  } else if (field == "event") {
    event_ = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    id_ = value;
  }
}

void SseParser::dispatch(std::vector<SseEvent>& out) {
  if (std::exchange(has_data_, false)) {
    SseEvent& event = out.emplace_back();
    if (!event_.empty()) event.event = event_;
    event.data = std::move(data_);
    event.id = id_;
    event.end = offset_;
  }
  data_.clear();
  event_.clear();
}

}  // namespace pennyweight
