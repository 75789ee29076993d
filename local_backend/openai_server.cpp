#include "local_backend/openai_server.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "local_backend/http_server.h"
#include "local_backend/openai_protocol.h"
#include "metrics/base/clock.h"
#include "metrics/base/hash.h"
#include "metrics/base/random.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kJson = "application/json";

// Brings a generation's calls from the engine's thread to the server's.
class Relay final : public GenerationSink {
 public:
  struct Event {
    std::string text;
    int new_tokens = 0;
    std::vector<TokenLogprob> logprobs;
    std::optional<int> prompt_tokens, cached_tokens;
    std::optional<FinishReason> finish;
    std::optional<Error> error;
  };
  // `tokenizer` null: nobody asked for log-probabilities.
  Relay(HttpServer& server, const Tokenizer* tokenizer, std::function<void(Event)> take)
      : server_(server), tokenizer_(tokenizer), take_(std::move(take)) {}

  void on_prefill(int prompt_tokens, int cached_tokens) override {
    Event event;
    event.prompt_tokens = prompt_tokens;
    event.cached_tokens = cached_tokens;
    send(std::move(event));
  }
  void on_token(const GeneratedToken& token) override {
    Event event;
    event.text = token.bytes;
    event.new_tokens = 1;
    // The token that ends an answer is no part of it.
    if (tokenizer_ != nullptr && !tokenizer_->ends_generation(token.token))
      event.logprobs.push_back(logprob_of(token));
    send(std::move(event));
  }
  void on_finished(FinishReason reason, std::string_view tail, const Error* error) override {
    Event event;
    event.text = tail;
    event.finish = reason;
    if (error != nullptr) event.error = *error;
    send(std::move(event));
  }

 private:
  TokenLogprob logprob_of(const GeneratedToken& token) const {
    TokenLogprob out{std::string(tokenizer_->piece(token.token, true)), token.logprob, {}};
    for (const Candidate& other : token.top)
      out.top.emplace_back(tokenizer_->piece(other.token, true), other.logprob);
    return out;
  }
  void send(Event event) {
    server_.post([take = take_, event = std::move(event)]() mutable { take(std::move(event)); });
  }
  HttpServer& server_;
  const Tokenizer* tokenizer_;
  std::function<void(Event)> take_;
};

// A chat completion under way. Server's thread only.
struct Active {
  GenerationId generation = 0;
  ReplyHead head;
  ReplyUsage usage;
  bool stream = false, include_usage = false, logprobs = false, begun = false;
  std::string format_source;         // see ChatRequest
  std::string text;                  // of a reply that is not streamed
  std::vector<TokenLogprob> tokens;  // whose text is still to be sent

  // To send now: null when they were not asked for.
  const std::vector<TokenLogprob>* taken() const { return logprobs ? &tokens : nullptr; }
};

class Server final : public OpenAiServer {
 public:
  Server(std::unique_ptr<Engine> engine, const ServerOptions& options)
      : options_(options), engine_(std::move(engine)) {
    if (options_.model_name.empty()) {
      options_.model_name = std::filesystem::path(engine_.info().path).stem().string();
    }
    started_ = std::time(nullptr);
  }

  Result<void> start() {
    HttpServerOptions http;
    http.host = options_.host;
    http.port = options_.port;
    http.max_body_bytes = options_.max_body_bytes;
    http.drain_seconds = options_.drain_seconds;
    auto server = HttpServer::listen(
        http, {[this](ExchangeId id, HttpServerRequest request) { handle(id, request); },
               [this](ExchangeId id) { abandon(id); }});
    if (!server) return fail(server.error());
    http_ = std::move(*server);
    return {};
  }

  std::uint16_t port() const override { return http_->port(); }
  Result<void> run() override { return http_->run(); }
  void stop() noexcept override { http_->stop(); }

 private:
  void handle(ExchangeId id, const HttpServerRequest& request) {
    const bool get = request.method == "GET" || request.method == "HEAD";
    if (request.path == "/health" || request.path == "/v1/health") {
      return http_->reply(id, 200, kJson, R"({"status":"ok"})");
    }
    if (request.path == "/v1/models") {
      if (!get) return wrong_method(id, "GET");
      return http_->reply(id, 200, kJson, models_reply(options_.model_name, started_));
    }
    if (request.path == "/v1/chat/completions") {
      if (request.method != "POST") return wrong_method(id, "POST");
      return chat(id, request.body);
    }
    http_->reply(id, 404, kJson,
                 error_reply("there is no " + request.path +
                                 " here; try /v1/chat/completions, /v1/models or /health",
                             "invalid_request_error", {}, "not_found"));
  }

  void wrong_method(ExchangeId id, const char* allowed) {
    http_->reply(id, 405, kJson,
                 error_reply(std::string("use ") + allowed, "invalid_request_error"),
                 {{"Allow", allowed}});
  }

  void chat(ExchangeId id, const std::string& body) {
    auto request = parse_chat_request(body);
    if (!request) {
      return http_->reply(
          id, 400, kJson,
          error_reply(request.error().what, "invalid_request_error", request.error().fix,
                      request.error().kind == ErrorKind::unsupported ? "unsupported_parameter"
                                                                     : "invalid_value"));
    }
    if (const Token wrong = biased_unknown(request->generate.sampling); wrong != -1) {
      return http_->reply(id, 400, kJson,
                          error_reply(fmt::format("the model has no token {}", wrong),
                                      "invalid_request_error", "logit_bias", "invalid_value"));
    }
    if (engine_.queued_or_running() > options_.max_queued) {
      return http_->reply(id, 503, kJson,
                          error_reply("too many requests are waiting", "server_error"),
                          {{"Retry-After", "1"}});
    }
    Active active;
    active.stream = request->stream;
    active.include_usage = request->include_usage;
    active.logprobs = request->logprobs;
    active.format_source = request->format_source;
    if (!request->has_seed) request->generate.sampling.seed = seeds_.next_u64();
    active.head = {"chatcmpl-" + make_uuid_v7(clock_.unix_now()), options_.model_name,
                   std::time(nullptr)};
    auto relay =
        std::make_shared<Relay>(*http_, active.logprobs ? &engine_.tokenizer() : nullptr,
                                [this, id](Relay::Event event) { advance(id, std::move(event)); });
    active.generation = engine_.submit(std::move(request->generate), relay);
    active_.emplace(id, std::move(active));
  }

  void advance(ExchangeId id, Relay::Event event) {
    const auto it = active_.find(id);
    if (it == active_.end()) return;  // the client went away
    Active& active = it->second;
    if (event.prompt_tokens) active.usage.prompt_tokens = *event.prompt_tokens;
    if (event.cached_tokens) active.usage.cached_tokens = *event.cached_tokens;
    active.usage.completion_tokens += event.new_tokens;
    std::ranges::move(event.logprobs, std::back_inserter(active.tokens));
    if (event.error) {
      refuse(id, active, *event.error);
      active_.erase(it);
      return;
    }
    if (active.stream) {
      if (!active.begun && (event.new_tokens > 0 || event.finish)) {
        http_->begin(id, "text/event-stream");
        http_->write(id, role_event(active.head));
        active.begun = true;
      }
      if (!event.text.empty()) {
        http_->write(id, content_event(active.head, event.text, active.taken()));
        active.tokens.clear();
      }
    } else {
      active.text += event.text;
    }
    if (event.finish) {
      finish(id, active, *event.finish);
      active_.erase(it);
    }
  }

  void finish(ExchangeId id, const Active& active, FinishReason reason) {
    if (!active.stream) {
      return http_->reply(
          id, 200, kJson,
          chat_reply(active.head, active.text, reason, active.usage, active.taken()));
    }
    // Of tokens whose text never came: they ended in a stop string.
    std::string last =
        finish_event(active.head, reason, active.tokens.empty() ? nullptr : active.taken());
    if (active.include_usage) last += usage_event(active.head, active.usage);
    http_->write(id, last + std::string(kDoneEvent));
    http_->end(id);
  }

  // Before the first byte an error has a status; after it, it is an event of the stream.
  void refuse(ExchangeId id, const Active& active, const Error& error) {
    std::string message = error.what;
    if (!error.why.empty()) message += ": " + error.why;
    const bool ours = error.kind == ErrorKind::internal || error.kind == ErrorKind::io;
    const char* type = ours ? "server_error" : "invalid_request_error";
    if (active.begun) {
      http_->write(id, error_event(message, type));
      return http_->end(id);
    }
    // What can be wrong with the others was found before; clients know this code.
    const bool too_long = is_context_error(error);
    const bool of_prompt = too_long || active.usage.prompt_tokens == 0;
    const std::string_view param = of_prompt ? "messages" : std::string_view(active.format_source);
    http_->reply(
        id, ours ? 500 : 400, kJson,
        error_reply(message, type, ours ? "" : param, too_long ? "context_length_exceeded" : ""));
  }

  // -1: none.
  Token biased_unknown(const SamplingParams& sampling) const {
    for (const auto& [token, bias] : sampling.logit_bias)
      if (token >= engine_.info().vocabulary_size) return token;
    return -1;
  }

  void abandon(ExchangeId id) {
    const auto it = active_.find(id);
    if (it == active_.end()) return;
    engine_.cancel(it->second.generation);
    active_.erase(it);
  }

  ServerOptions options_;
  SteadyClock clock_;
  std::int64_t started_ = 0;
  // For requests that bring no seed: like ones get answers of their own, in another run too.
  Random seeds_{(std::uint64_t{std::random_device()()} << 32) | std::random_device()(),
                Stream::sampling};
  std::map<ExchangeId, Active> active_;
  // The engine goes first: its last calls post to the server, which must still be there.
  std::unique_ptr<HttpServer> http_;
  EngineThread engine_;
};

}  // namespace

Result<std::unique_ptr<OpenAiServer>> OpenAiServer::listen(std::unique_ptr<Engine> engine,
                                                           const ServerOptions& options) {
  auto server = std::make_unique<Server>(std::move(engine), options);
  if (auto started = server->start(); !started) return fail(started.error());
  return server;
}

}  // namespace pennyweight::llm
