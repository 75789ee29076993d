#include "runners/remote_target.h"

#include <system_error>
#include <thread>
#include <utility>

#include "runners/dialects/reply_headers.h"

namespace pennyweight {
namespace {

constexpr Duration kProgressEvery = std::chrono::milliseconds(100);

// Sends one request and waits for its reply, on a loop of its own: for preflight only.
Result<HttpResponse> exchange(HttpRequest request) {
  const SteadyClock clock;
  auto loop = make_event_loop(clock);
  if (!loop) return fail(std::move(loop.error()));
  auto client = HttpClient::make(**loop);
  if (!client) return fail(std::move(client.error()));
  HttpResponse response;
  const auto finished = [&](HttpResponse r) {
    response = std::move(r);
    (*loop)->stop();
  };
  (*client)->start(1, std::move(request), {{}, {}, finished});
  (*loop)->run();
  return response;
}

class RemoteTarget final : public Target {
 public:
  RemoteTarget(std::string name, const Dialect& dialect, DialectConfig config)
      : dialect_(dialect), config_(std::move(config)) {
    while (config_.base_url.ends_with('/')) config_.base_url.pop_back();
    const std::string url = redact(config_.base_url);
    info_.name = std::move(name);
    info_.kind = "remote";
    info_.model = config_.model;
    info_.on_this_machine = is_loopback(config_.base_url);
    info_.identity.set("dialect", dialect.name());
    info_.identity.set("url", url);
    info_.identity.set("model", config_.model);
    info_.facts.set("url", url);
  }

  ~RemoteTarget() override { detach(); }

  const TargetInfo& info() const override { return info_; }

  Result<void> attach(EventLoop& loop, EventSink& sink) override {
    loop_ = &loop;
    sink_ = &sink;
    auto client = HttpClient::make(loop);
    if (!client) return fail(std::move(client.error()));
    auto reader = make_event_loop(reader_clock_);
    if (!reader) return fail(std::move(reader.error()));
    client_ = std::move(*client);
    reader_loop_ = std::move(*reader);
    try {
      reader_thread_ = std::thread([r = reader_loop_.get()] { r->run(); });
    } catch (const std::system_error& e) {
      return fail(ErrorKind::io, "cannot start a thread", e.what());
    }
    return {};
  }

  void detach() override {
    client_.reset();
    if (reader_thread_.joinable()) {
      reader_loop_->stop();
      reader_thread_.join();
    }
    alive_.reset();
  }

  void issue(RequestId id, const Request& request) override {
    auto http = dialect_.make_request(request, config_);
    if (!http) {
      Completion completion;
      completion.failure =
          http.error().kind == ErrorKind::unsupported ? Failure::unsupported : Failure::bad_request;
      completion.error_message = error_text(http.error().what);
      completion.done = loop_->clock().now();
      return deliver(id, std::move(completion));
    }
    HttpClient::Handlers handlers;
    handlers.sent = [this, id](Instant at) { sink_->on_sent(id, at); };
    handlers.progress = [this, id, chunks = 0, next = Instant()](std::size_t) mutable {
      ++chunks;
      const Instant now = loop_->woke_at();
      if (now < next) return;
      next = now + kProgressEvery;
      sink_->on_progress(id, chunks);
    };
    handlers.finished = [this, id](HttpResponse response) { read(id, std::move(response)); };
    client_->start(id, std::move(*http), std::move(handlers));
  }

  void cancel(RequestId id) override { client_->cancel(id); }

  Result<void> check() override {
    if (config_.key_error) return fail(*config_.key_error);
    auto response = ask_for_models(config_);
    if (!response) return fail(std::move(response.error()));
    if (response->failure != Failure::none)
      return fail(ErrorKind::unreachable, "target \"" + info_.name + "\" does not answer",
                  error_text(response->error_message),
                  "start the server at " + redact(config_.base_url) + " or correct the URL");
    const int status = response->status;
    // Not 403: a key may be allowed to chat and not to list the models.
    if (status == 401) return refused(*response);
    if (status >= 500)
      return fail(ErrorKind::unreachable, "target \"" + info_.name + "\" is not ready",
                  dialect_.read_error(status, *response).message,
                  "wait until it is, or look at its log");
    // A server need not list its models, but most do below /v1, and a URL without it is common.
    if (status == 404 && config_.base_url.find("/v1") == std::string::npos) return try_below_v1();
    return {};
  }

 private:
  Result<HttpResponse> ask_for_models(const DialectConfig& config) const {
    HttpRequest request = dialect_.check_request(config);
    request.timeouts = {std::chrono::seconds(5), std::chrono::seconds(15),
                        std::chrono::seconds(20)};
    return exchange(std::move(request));
  }

  Result<void> try_below_v1() const {
    DialectConfig below = config_;
    below.base_url += "/v1";
    const auto response = ask_for_models(below);
    if (!response || (response->status != 200 && response->status != 401)) return {};
    return fail(
        ErrorKind::usage, "target \"" + info_.name + "\" has no API at its URL",
        redact(config_.base_url) + " answers 404, and " + redact(below.base_url) + " is there",
        "write " + redact(below.base_url) + "#" + config_.model);
  }

  tl::unexpected<Error> refused(const HttpResponse& response) const {
    const std::string place =
        config_.key_hint.empty() ? "the target's api_key_env or api_key_file" : config_.key_hint;
    return fail(ErrorKind::authentication,
                "target \"" + info_.name + "\" " +
                    (config_.api_key.empty() ? "wants a key, and none is set" : "refused the key"),
                dialect_.read_error(response.status, response).message,
                "put a valid key into " + place);
  }

  void read(RequestId id, HttpResponse response) {
    auto moved = std::make_shared<HttpResponse>(std::move(response));
    reader_loop_->post(
        [this, id, moved] { deliver(id, read_response(dialect_, std::move(*moved))); });
  }

  // Any thread. The target may be detached when the job comes to run.
  void deliver(RequestId id, Completion completion) {
    auto moved = std::make_shared<Completion>(std::move(completion));
    loop_->post([alive = std::weak_ptr<const bool>(alive_), sink = sink_, id, moved] {
      if (!alive.expired()) sink->on_finished(id, std::move(*moved));
    });
  }

  const Dialect& dialect_;
  DialectConfig config_;
  TargetInfo info_;
  EventLoop* loop_ = nullptr;
  EventSink* sink_ = nullptr;
  std::unique_ptr<HttpClient> client_;
  // Replies are read here, so that a long one does not hold up the loop that stamps the others.
  SteadyClock reader_clock_;
  std::unique_ptr<EventLoop> reader_loop_;
  std::thread reader_thread_;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace

std::unique_ptr<Target> make_remote_target(std::string name, const Dialect& dialect,
                                           DialectConfig config) {
  return std::make_unique<RemoteTarget>(std::move(name), dialect, std::move(config));
}

}  // namespace pennyweight
