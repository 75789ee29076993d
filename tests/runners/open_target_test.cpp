#include <cstdlib>

#include "runners/secrets.h"
#include "runners/target_spec.h"
#include "tests/support/script_server.h"
#include "tests/support/temp_dir.h"
#include "tests/test.h"

namespace pennyweight {
namespace {

// An environment variable for the length of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? setenv(name_, old_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> old_;
};

Result<std::unique_ptr<Target>> make(std::string_view use) {
  static const SteadyClock clock;
  const auto spec = parse_target(use);
  REQUIRE(spec);
  return make_target(*spec, clock);
}

// A key that is missing or wrong is found before the first request, not when a target is opened.
Error key_error(std::string_view use) {
  const auto target = make(use);
  REQUIRE(target);
  const auto checked = (*target)->check();
  REQUIRE(!checked);
  CHECK(checked.error().kind == ErrorKind::authentication);
  return checked.error();
}

}  // namespace

TEST_CASE("A synthetic model lies on no disk, and has the same identity every time") {
  const test::TempDir home;
  const Variable cache("XDG_CACHE_HOME", home.path().string());
  const auto first = make("local:synth/tiny:q4_0,threads=1,name=t");
  INFO((first ? "" : first.error().what));
  REQUIRE(first);
  CHECK((*first)->info().name == "t");
  CHECK(std::filesystem::is_empty(home.path()));
  const auto second = make("local:synth/tiny:q4_0,threads=1"),
             third = make("local:synth/tiny:q8_0,threads=1");
  const auto hash = [](const auto& target) {
    return *(*target)->info().identity.find("model_sha256");
  };
  CHECK(hash(first) == hash(second));
  CHECK_FALSE(hash(first) == hash(third));
}

TEST_CASE("A synthetic model of an unknown name gets a suggestion") {
  const auto target = make("local:synth/tiniy:q4_0");
  REQUIRE(!target);
  CHECK(target.error().fix.find("tiny") != std::string::npos);
}

TEST_CASE("A missing model file is named") {
  const auto target = make("local:/nowhere/model.gguf");
  REQUIRE(!target);
  CHECK(target.error().what.find("/nowhere/model.gguf") != std::string::npos);
}

TEST_CASE("A missing key is an authentication error of the check that names its place") {
  const Variable none("PW_TEST_NO_KEY", "");
  const Error error = key_error("openai:gpt-4o,api_key_env=PW_TEST_NO_KEY");
  CHECK(error.what == "no key for target \"gpt-4o\"");
  CHECK(error.why.find("PW_TEST_NO_KEY") != std::string::npos);
}

TEST_CASE("A key from a variable or a file shows in nothing that a target tells") {
  const test::TempDir directory;
  const Variable key("PW_TEST_KEY", "canary-key-1");
  test::write_file(directory / "key", "\n canary-key-2 \n");
  test::write_file(directory / "empty", " \n");
  for (const std::string& place :
       {std::string("api_key_env=PW_TEST_KEY"), "api_key_file=" + (directory / "key").string()}) {
    const auto target = make("http://127.0.0.1:1/v1#m," + place);
    REQUIRE(target);
    const TargetInfo& info = (*target)->info();
    CHECK((to_json(info.identity) + to_json(info.facts)).find("canary") == std::string::npos);
  }
  key_error("http://127.0.0.1:1/v1#m,api_key_file=" + (directory / "empty").string());
}

TEST_CASE("A key has no line end around it and no blank or control character inside") {
  const char* const name = "PW_TEST_ODD_KEY";
  const std::string use = std::string("http://127.0.0.1:1/v1#m,api_key_env=") + name;
  {
    const Variable key(name, "canary-crlf\r\n");
    REQUIRE(make(use));
    CHECK(redact("<canary-crlf>") == "<[redacted]>");  // as it is sent, without the line end
  }
  for (const std::string bad :
       {"canary two", "canary\x01", "canary\tx", "can\r\nary", "abc", " \r\n"}) {
    const Variable key(name, bad);
    const Error error = key_error(use);
    const std::string words = error.what + error.why + error.fix;
    CHECK(words.find(name) != std::string::npos);
    CHECK(words.find("can") == std::string::npos);
  }
}

TEST_CASE("A key that the server refuses is looked for where it came from") {
  const Variable key("PW_TEST_KEY", "canary-refused");
  test::ScriptServer server({test::Script::reply(401, "application/json", "{}")});
  const auto target = make(server.url("/v1") + "#m,api_key_env=PW_TEST_KEY");
  REQUIRE(target);
  const auto refused = (*target)->check();
  REQUIRE(!refused);
  CHECK(refused.error().fix == "put a valid key into the environment variable PW_TEST_KEY");
}

TEST_CASE("A simulated target opens as its text says") {
  const auto target = make("sim:ttft=1ms,answer=a%2Cb,name=s");
  REQUIRE(target);
  CHECK((*target)->info().name == "s");
  CHECK(*(*target)->info().identity.find("answer")->text() == "a,b");
}

}  // namespace pennyweight
