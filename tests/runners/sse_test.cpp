#include "runners/framing/sse.h"

#include <filesystem>
#include <string>
#include <vector>

#include "tests/fuzz/sse_fuzzer.cpp"  // its property, for the corpus below
#include "tests/support/temp_dir.h"
#include "tests/test.h"

using namespace pennyweight;

namespace {

std::vector<SseEvent> events_of(std::string_view stream) {
  const Outcome out = parse(stream, stream.size() + 1, 4u << 20);
  REQUIRE_FALSE(out.failed);
  return out.events;
}

std::string data_of(std::string_view stream) {
  std::string out;
  for (const auto& event : events_of(stream)) out += "[" + event.event + ":" + event.data + "]";
  return out;
}

std::vector<std::filesystem::path> corpus() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::source_path("tests/fuzz/corpus/sse")))
    files.push_back(entry.path());
  REQUIRE(files.size() >= 8);
  return files;
}

}  // namespace

TEST_CASE("lines end at LF, CRLF or a lone CR, also mixed") {
  for (const std::string end : {"\n", "\r\n", "\r"})
    CHECK(data_of("data: a" + end + end + "data: b" + end + end) == "[message:a][message:b]");
  CHECK(data_of("data: a\r\n\ndata: b\r\r\ndata: c\n\r") == "[message:a][message:b][message:c]");
}

TEST_CASE("one space after the colon is dropped, and only one") {
  CHECK(data_of("data:a\n\ndata: b\n\ndata:  c\n\n") == "[message:a][message:b][message: c]");
}

TEST_CASE("several data lines are joined by a newline") {
  CHECK(data_of("data: a\ndata\ndata: b\n\n") == "[message:a\n\nb]");
}

TEST_CASE("the event name is reset after each event, the id stays") {
  const auto events = events_of("id: 7\nevent: token\ndata: a\n\ndata: b\n\nid\ndata: c\n\n");
  REQUIRE(events.size() == 3);
  CHECK(events[0].event == "token");
  CHECK(events[0].id == "7");
  CHECK(events[1].event == "message");
  CHECK(events[1].id == "7");
  CHECK(events[2].id.empty());
}

TEST_CASE("an event without data is dropped with its name") {
  CHECK(data_of("event: ping\n\ndata: a\n\n") == "[message:a]");
  CHECK(data_of("\n\n\r\n") == "");
  CHECK(data_of("data:\n\n") == "[message:]");  // empty data is data
}

TEST_CASE("comments and unknown fields give no event, and comments are counted") {
  const std::string stream = ": OPENROUTER PROCESSING\n\n:\nretry: 3\nnonsense\ndata: a\n\n";
  CHECK(data_of(stream) == "[message:a]");
  CHECK(parse(stream, 3, 100).comments == 2);
}

TEST_CASE("one byte order mark at the start is skipped") {
  CHECK(data_of("\xEF\xBB\xBF"
                "data: a\n\n") == "[message:a]");
  CHECK(data_of("\xEF\xBB\xBF\xEF\xBB\xBF"
                "data: a\n\ndata: b\n\n") == "[message:b]");
}

TEST_CASE("an event at the end needs no blank line") {
  CHECK(data_of("data: a\n\ndata: [DONE]") == "[message:a][message:[DONE]]");
  CHECK(data_of("data: a\n\ndata: b\n") == "[message:a][message:b]");
  CHECK(data_of("data: a\n\nevent: lost") == "[message:a]");
}

TEST_CASE("an event's end is just after the byte that completed it") {
  const auto lf = events_of("data: a\n\ndata: b\n\n");
  REQUIRE(lf.size() == 2);
  CHECK(lf[0].end == 9);
  CHECK(lf[1].end == 18);
  // The line is over at its CR; whether a LF follows may only be known an arrival later.
  const auto crlf = events_of("data: a\r\n\r\n: x\n");
  REQUIRE(crlf.size() == 1);
  CHECK(crlf[0].end == 10);
  const auto cut = events_of("data: a");
  REQUIRE(cut.size() == 1);
  CHECK(cut[0].end == 7);
}

TEST_CASE("an event over the limit is an error, and stays one") {
  const Outcome at_limit = parse("data: 0123456789\n\n", 5, 16);
  CHECK_FALSE(at_limit.failed);
  CHECK(at_limit.events.size() == 1);
  CHECK(parse("data: 0123456789a\n\n", 5, 16).failed);
  CHECK(parse("data: 01234\ndata: 5678\ndata: 9\n\n", 5, 16).failed);
  SseParser parser(8);
  std::vector<SseEvent> events;
  const auto failed = parser.feed("data: 0123456789\n\n", events);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::invalid_input);
  CHECK_FALSE(parser.feed("\n\n", events));
  CHECK_FALSE(parser.finish(events));
  CHECK(events.empty());
}

TEST_CASE("every two-way split and every piece size of recorded streams gives the same events") {
  for (const auto& file : corpus()) {
    INFO(file);
    const std::string stream = test::read_file(file).substr(2);
    const Outcome whole = parse(stream, stream.size() + 1, 4u << 20);
    for (std::size_t piece = 1; piece <= stream.size(); ++piece)
      check_same(whole, parse(stream, piece, 4u << 20));
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      Outcome out;
      SseParser parser;
      REQUIRE(parser.feed(std::string_view(stream).substr(0, cut), out.events));
      REQUIRE(parser.feed(std::string_view(stream).substr(cut), out.events));
      REQUIRE(parser.finish(out.events));
      out.comments = parser.comments();
      check_same(whole, out);
    }
  }
}

TEST_CASE("the fuzz corpus keeps the fuzzer's property") {
  for (const auto& file : corpus()) {
    const std::string bytes = test::read_file(file);
    CHECK(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                 bytes.size()) == 0);
  }
}
