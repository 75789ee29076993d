#include "metrics/record.h"

#include "metrics/base/units.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

Instant ms(std::int64_t t) {
  return Instant(std::chrono::milliseconds(t));
}

// Scheduled at 0, written at 50; after the write: role chunk at 100, content at 150, 210, 270 and
// 310 of 3, 3, 3 and 1 tokens, usage at 315, end at 316.
RequestRecord golden_stream() {
  RequestRecord r;
  r.scheduled = ms(0);
  r.issued = r.sent = ms(50);
  r.chunks = {{ms(150), ChunkKind::role, 0, 0},    {ms(200), ChunkKind::content, 9, 3},
              {ms(260), ChunkKind::content, 9, 3}, {ms(320), ChunkKind::content, 9, 3},
              {ms(360), ChunkKind::content, 3, 1}, {ms(365), ChunkKind::usage, 0, 0}};
  r.done = ms(366);
  r.usage.output_tokens = 10;
  derive_token_instants(r);
  return r;
}

TEST_CASE("the golden stream gives the figures of the definitions") {
  const RequestRecord r = golden_stream();
  CHECK(to_milliseconds(*ttft(r, From::sent)) == 150);
  CHECK(to_milliseconds(*ttft(r, From::scheduled)) == 200);
  CHECK(*tpot_ns(r) * 1e-6 == Approx(160.0 / 7).epsilon(1e-12));
  CHECK(*tpot_n1_ns(r) * 1e-6 == Approx(160.0 / 9).epsilon(1e-12));
  CHECK(to_milliseconds(*e2e(r, From::sent)) == 310);
  CHECK(to_milliseconds(*e2e_done(r)) == 316);
  CHECK(to_milliseconds(*e2e(r, From::scheduled)) == 360);
  CHECK(to_milliseconds(*send_lag(r)) == 50);
  CHECK(*output_tokens_per_second(r) == Approx(10 / 0.31).epsilon(1e-12));
  using std::chrono::milliseconds;
  CHECK(inter_chunk_gaps(r) ==
        std::vector<Duration>{milliseconds(60), milliseconds(60), milliseconds(40)});
}

TEST_CASE("an unknown token count of the first chunk counts as one") {
  RequestRecord r = golden_stream();
  for (Chunk& chunk : r.chunks) chunk.tokens = 0;
  CHECK(*tpot_ns(r) == *tpot_n1_ns(r));
}

TEST_CASE("reasoning and tool chunks are token events, empty ones are not") {
  CHECK(is_token_event({ms(0), ChunkKind::reasoning, 1, 0}));
  CHECK(is_token_event({ms(0), ChunkKind::tool, 1, 0}));
  CHECK_FALSE(is_token_event({ms(0), ChunkKind::content, 0, 1}));
  CHECK_FALSE(is_token_event({ms(0), ChunkKind::role, 5, 0}));
  CHECK_FALSE(is_token_event({ms(0), ChunkKind::error, 5, 0}));
}

TEST_CASE("what is undefined is empty, never 0") {
  const RequestRecord nothing;
  CHECK_FALSE(ttft(nothing, From::scheduled));
  CHECK_FALSE(e2e(nothing, From::sent));
  CHECK_FALSE(e2e_done(nothing));
  CHECK_FALSE(send_lag(nothing));
  CHECK_FALSE(tpot_ns(nothing));
  CHECK_FALSE(output_tokens_per_second(nothing));
  CHECK(inter_chunk_gaps(nothing).empty());

  RequestRecord whole = golden_stream();  // an answer in one piece has no pace
  whole.chunks = {{ms(200), ChunkKind::content, 30, 10}};
  derive_token_instants(whole);
  CHECK_FALSE(tpot_ns(whole));
  CHECK_FALSE(tpot_n1_ns(whole));

  RequestRecord uncounted = golden_stream();
  uncounted.usage.output_tokens.reset();
  CHECK_FALSE(tpot_ns(uncounted));
  CHECK(ttft(uncounted, From::sent));

  RequestRecord only_first = golden_stream();  // fewer tokens than the first chunk says it had
  only_first.usage.output_tokens = 3;
  CHECK_FALSE(tpot_ns(only_first));
}

TEST_CASE("packed chunks come back as they were") {
  const std::vector<Chunk> chunks = GENERATE(
      std::vector<Chunk>{}, golden_stream().chunks,
      std::vector<Chunk>{{Instant(Duration(INT64_MIN)), ChunkKind::error, UINT32_MAX, UINT32_MAX},
                         {Instant(Duration(INT64_MAX)), ChunkKind::role, 0, 0},
                         {Instant(Duration(-1)), ChunkKind::tool, 127, 128}});
  CHECK(unpack_chunks(pack_chunks(chunks)).value() == chunks);
}

TEST_CASE("every truncation and every wrong byte of packed chunks fails cleanly or still decodes") {
  const std::string blob = pack_chunks(golden_stream().chunks);
  for (std::size_t n = 0; n < blob.size(); ++n) {
    const auto cut = unpack_chunks(std::string_view(blob).substr(0, n));
    REQUIRE_FALSE(cut);
    REQUIRE(cut.error().kind == ErrorKind::invalid_input);
  }
  CHECK_FALSE(unpack_chunks(blob + '\0'));
  for (std::size_t i = 0; i < blob.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = blob;
      changed[i] = static_cast<char>(byte);
      const auto chunks = unpack_chunks(changed);
      // What is accepted is exactly what would be written: there is one blob for a list of chunks.
      if (chunks) REQUIRE(pack_chunks(*chunks) == changed);
    }
  }
}

TEST_CASE("a hostile blob is refused before memory is asked for") {
  const std::string many("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10);
  CHECK_FALSE(unpack_chunks(many));
  CHECK_FALSE(unpack_chunks(std::string("\x01\x00\x07\x00\x00", 5)));  // unknown kind
  CHECK_FALSE(unpack_chunks(std::string("\x01\x00\x03\x80\x80\x80\x80\x10\x00", 9)));  // 2^32 bytes
  CHECK_FALSE(unpack_chunks(std::string("\x01\x80\x00\x03\x00\x00", 6)));              // a longer 0
  CHECK_FALSE(unpack_chunks(std::string(20, '\xff')));
}

TEST_CASE("the words of the stored format read back, and no other word does") {
  for (int i = 0; i <= static_cast<int>(Failure::cancelled); ++i) {
    CHECK(parse_failure(to_text(static_cast<Failure>(i))) == static_cast<Failure>(i));
  }
  for (int i = 0; i <= static_cast<int>(Finish::cancelled); ++i) {
    CHECK(parse_finish(to_text(static_cast<Finish>(i))) == static_cast<Finish>(i));
  }
  for (int i = 0; i <= 2; ++i) {
    CHECK(parse_phase(to_text(static_cast<Phase>(i))) == static_cast<Phase>(i));
    CHECK(parse_token_source(to_text(static_cast<TokenSource>(i))) == static_cast<TokenSource>(i));
  }
  CHECK(parse_role("judge") == Role::judge);
  CHECK(to_text(Failure::rate_limited) == "rate_limited");
  CHECK(to_text(Failure::cancelled) == "cancelled");
  CHECK(to_text(ChunkKind::error) == "error");
  CHECK_FALSE(parse_failure("Timeout"));
  CHECK_FALSE(parse_finish(""));
  CHECK_FALSE(parse_phase("measure"));
}

}  // namespace
}  // namespace pennyweight
