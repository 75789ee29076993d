#include "runners/secrets.h"

#include <string>

#include "tests/test.h"

using namespace pennyweight;

TEST_CASE("a registered key is taken out wherever it stands") {
  register_secret("canary-5f1e9c");
  register_secret("canary-5f1e9c-longer");
  CHECK(redact("<canary-5f1e9c> canary-5f1e9c") == "<[redacted]> [redacted]");
  CHECK(redact("canary-5f1e9c-longer!") == "[redacted]!");  // not just its beginning
}

TEST_CASE("what is too short for a secret, or a known placeholder, is left where it stands") {
  for (const std::string word : {"", "none", "dummy", "EMPTY", "1234567", "sk-no-key-required",
                                 "No-Key-Required", "placeholder", "changeme"}) {
    register_secret(word);
    const std::string text = "none of the EMPTY boxes: <" + word + ">";
    CHECK(redact(text) == text);
    CHECK(redact_registered(text) == text);
  }
  register_secret("8-bytes!");
  CHECK(redact_registered("<8-bytes!>") == "<[redacted]>");
  register_secret("placeholder-5f1e9c");  // only the whole word is none
  CHECK(redact_registered("placeholder placeholder-5f1e9c") == "placeholder [redacted]");
}

TEST_CASE("what looks like a key is taken out without being registered") {
  CHECK(redact("Authorization: Bearer abc def\r\nnext") == "Authorization: [redacted]\r\nnext");
  CHECK(redact("sent bearer sk-0123456789, sorry") == "sent bearer [redacted], sorry");
  CHECK(redact("X-Api-Key: abc\nnext") == "X-Api-Key: [redacted]\nnext");
  CHECK(redact("http://h/v1?key=abc&x=1#token=z") ==
        "http://h/v1?key=[redacted]&x=1#token=[redacted]");
  CHECK(redact("at https://user:pass@host:8/v1") == "at https://[redacted]@host:8/v1");
  CHECK(redact("\"authorization\":\"Bearer 0123456789ab\"") ==
        "\"authorization\":\"Bearer [redacted]\"");
}

TEST_CASE("ordinary text is left alone") {
  for (const std::string text : {"the Bearer token is missing", "http://127.0.0.1:8080/v1/a@b",
                                 "mail me@example.com", "", "a key: value", "안녕 basic set"})
    CHECK(redact(text) == text);
}
