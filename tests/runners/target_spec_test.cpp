#include "runners/target_spec.h"

#include "tests/test.h"

namespace pennyweight {
namespace {

TargetSpec parsed(std::string_view use) {
  auto spec = parse_target(use);
  INFO(use << ": " << (spec ? "" : spec.error().what));
  REQUIRE(spec);
  return *spec;
}

Error refused(std::string_view use) {
  auto spec = parse_target(use);
  INFO(use);
  REQUIRE(!spec);
  CHECK(spec.error().kind == ErrorKind::usage);
  return spec.error();
}

}  // namespace

TEST_CASE("A local target is a file with options, named after the file") {
  const TargetSpec t = parsed("local:models/phi-3-mini.Q4_K_M.gguf,threads=2,ctx=4096");
  CHECK(t.scheme == TargetScheme::local);
  CHECK(t.location == "models/phi-3-mini.Q4_K_M.gguf");
  CHECK(t.name == "phi-3-mini.Q4_K_M");
  CHECK(scheme_options(t) == "threads=2,ctx=4096");
  CHECK(t.cost.kind == CostRule::Kind::none);
}

TEST_CASE("A percent-coded comma is part of the name") {
  const TargetSpec t = parsed("local:a%2Cb.gguf,name=x%2Cy");
  CHECK(t.location == "a,b.gguf");
  CHECK(t.name == "x,y");
}

TEST_CASE("A synthetic model keeps its name and type") {
  const TargetSpec t = parsed("local:synth/tiny:Q4_0");
  CHECK(t.location == "synth/tiny:Q4_0");
  CHECK(t.name == "tiny-Q4_0");
}

TEST_CASE("A URL with a model is a compatible server that gets no key unasked") {
  const TargetSpec t = parsed("http://127.0.0.1:8080/v1/#llama-3.1-8b");
  CHECK(t.scheme == TargetScheme::remote);
  CHECK(t.provider == "compatible");
  CHECK(t.location == "http://127.0.0.1:8080/v1");
  CHECK(t.model == "llama-3.1-8b");
  CHECK(t.api_key_env.empty());
  CHECK(parsed("https://x.example/v1#m,api_key_env=X_KEY").api_key_env == "X_KEY");
}

TEST_CASE("OpenAI's key goes to OpenAI's address only") {
  const TargetSpec own = parsed("openai:gpt-4o");
  CHECK(own.location == "https://api.openai.com/v1");
  CHECK(own.api_key_env == "OPENAI_API_KEY");
  CHECK(own.cost.kind == CostRule::Kind::tokens);
  CHECK(own.cost.price_key == "openai/gpt-4o");
  CHECK_FALSE(own.cost.illustrative);
  const TargetSpec other = parsed("openai:gpt-4o,base_url=http://127.0.0.1:4010/v1");
  CHECK(other.location == "http://127.0.0.1:4010/v1");
  CHECK(other.api_key_env.empty());
}

TEST_CASE("A bare model name is refused with the forms that work") {
  const Error e = refused("gpt-4o");
  CHECK(e.fix.find("openai:gpt-4o") != std::string::npos);
  CHECK(e.fix.find("local:FILE.gguf") != std::string::npos);
  CHECK(refused("phi.gguf,threads=2").fix.find("local:phi.gguf,threads=2") != std::string::npos);
}

TEST_CASE("What is misspelt gets a suggestion") {
  CHECK(refused("locl:x.gguf").fix.find("local") != std::string::npos);
  CHECK(refused("opnai:gpt-4o").fix.find("openai") != std::string::npos);
  CHECK(refused("local:x.gguf,thread=2").fix.find("threads") != std::string::npos);
  CHECK(refused("sim:ttfs=200ms").fix.find("ttft") != std::string::npos);
  CHECK(refused("local:x.gguf,base_url=http://h/v1").fix.find("threads") != std::string::npos);
}

TEST_CASE("Values that mean nothing are refused") {
  for (const char* use : {"local:",
                          "openai:",
                          "http://127.0.0.1:1/v1",
                          "http://#m",
                          "http://:80/v1#m",
                          "http://h/v1?key=x#m",
                          "local:x.gguf,threads=0",
                          "local:x.gguf,threads=two",
                          "local:x.gguf,threads",
                          "local:x.gguf,ctx=1,ctx=2",
                          "openai:m,base_url=ftp://h",
                          "openai:m,price=gpt",
                          "openai:m,illustrative=yes",
                          "openai:m,max_tokens_field=max",
                          "local:x.gguf,machine_usd_per_hour=-1",
                          "local:x.gguf,machine_usd_per_hour=lots",
                          "openai:m,price=a/b,machine_usd_per_hour=1",
                          "openai:m,api_key_env=A,api_key_file=b",
                          "sim:ttft=fast",
                          "sim:fail=1.5",
                          "sim:tokens=0",
                          "sim:failure=none",
                          "sim:ttft=1s,name=",
                          ""}) {
    refused(use);
  }
}

TEST_CASE("A key in a URL is refused without being repeated") {
  const Error e = refused("https://user:sk-canary@host/v1#m");
  CHECK((e.what + e.why + e.fix).find("canary") == std::string::npos);
  CHECK(e.fix.find("api_key_env") != std::string::npos);
}

TEST_CASE("Another model's price is illustrative unless the user knows better") {
  const std::string use = "http://h:1/v1#llama,price=groq/llama-3.1-8b-instant";
  CHECK(parsed(use).cost.price_key == "groq/llama-3.1-8b-instant");
  CHECK(parsed(use).cost.illustrative);
  CHECK_FALSE(parsed(use + ",illustrative=false").cost.illustrative);
  CHECK(parsed("openai:gpt-4o,illustrative=true,price=openai/gpt-4o").cost.illustrative);
}

TEST_CASE("An hourly rate and a tariff price a machine") {
  const auto cost = parsed("local:x.gguf,machine_usd_per_hour=0.40").cost;
  CHECK(cost.kind == CostRule::Kind::machine);
  CHECK(cost.machine.per_hour == Money{400'000'000'000});
  CHECK_FALSE(cost.machine.electricity_per_kwh);
}

TEST_CASE("Options added one by one read as options written at once") {
  CHECK(with_option("sim:", "answer", "a,b") == "sim:answer=a%2Cb");
  CHECK(with_option("sim:ttft=1s", "tpot", "2ms") == "sim:ttft=1s,tpot=2ms");
  CHECK(with_option("local:x.gguf", "threads", "2") == "local:x.gguf,threads=2");
}

}  // namespace pennyweight
