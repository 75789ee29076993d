#include "metrics/outcome.h"

#include <algorithm>

#include "metrics/base/utf8.h"

namespace pennyweight {
namespace {

bool is_blank(std::string_view text) {
  const auto points = code_points(text);
  return std::all_of(points.begin(), points.end(), is_python_space);
}

}  // namespace

bool is_unfinished(Failure failure) {
  return failure == Failure::in_flight || failure == Failure::cancelled;
}

bool is_failed(Failure failure) {
  return failure != Failure::none && failure != Failure::refused &&
         failure != Failure::unsupported && !is_unfinished(failure);
}

std::optional<Outcome> outcome_without_scorer(const RequestRecord& record, bool blank_is_wanted) {
  if (record.failure == Failure::refused) return Outcome::refused;
  if (record.failure == Failure::unsupported) return Outcome::unsupported;
  if (record.finish == Finish::content_filter) return Outcome::refused;
  if (record.failure != Failure::none) return Outcome::error;
  if (blank_is_wanted || !is_blank(record.answer)) return std::nullopt;
  // A model that thought until its tokens ran out was cut, not silent.
  return record.finish == Finish::length ? Outcome::truncated : Outcome::empty;
}

Outcome outcome_of_answer(Finish finish, bool parsed) {
  if (finish == Finish::length) return Outcome::truncated;
  return parsed ? Outcome::ok : Outcome::unparsed;
}

std::optional<double> score_without_answer(Outcome outcome) {
  if (outcome == Outcome::error || outcome == Outcome::unsupported) return std::nullopt;
  return 0;
}

}  // namespace pennyweight
