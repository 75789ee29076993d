#include "local_backend/http_server.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pennyweight::llm {
namespace {

struct Free {
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(event_config* config) const { event_config_free(config); }
  void operator()(event* e) const { event_free(e); }
  void operator()(evhttp* http) const { evhttp_free(http); }
  void operator()(evbuffer* buffer) const { evbuffer_free(buffer); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

class LibeventServer final : public HttpServer {
 public:
  LibeventServer(const HttpServerOptions& options, Handlers handlers)
      : options_(options), handlers_(std::move(handlers)) {}

  ~LibeventServer() override {
    exchanges_.clear();  // evhttp_free below frees their requests itself
    wake_event_.reset();
    http_.reset();
    base_.reset();
    if (wake_fd_ >= 0) close(wake_fd_);
  }

  Result<void> start() {
    Owned<event_config> config(event_config_new());
    if (config) event_config_set_flag(config.get(), EVENT_BASE_FLAG_PRECISE_TIMER);
    if (config) base_.reset(event_base_new_with_config(config.get()));
    if (base_) http_.reset(evhttp_new(base_.get()));
    wake_fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!http_ || wake_fd_ < 0) {
      return fail(ErrorKind::io, "cannot set up the server", std::strerror(errno));
    }
    wake_event_.reset(event_new(base_.get(), wake_fd_, EV_READ | EV_PERSIST, &on_wake, this));
    event_add(wake_event_.get(), nullptr);
    evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PUT |
                                                EVHTTP_REQ_DELETE);
    evhttp_set_max_body_size(http_.get(), static_cast<ev_ssize_t>(options_.max_body_bytes));
    evhttp_set_max_headers_size(http_.get(), 64 << 10);
    evhttp_set_gencb(http_.get(), &on_request, this);
    return bind();
  }

  std::uint16_t port() const override { return port_; }

  Result<void> run() override {
    while (!finished_) {
      if (event_base_loop(base_.get(), EVLOOP_ONCE) < 0) {
        return fail(ErrorKind::io, "the server's event loop failed", std::strerror(errno));
      }
    }
    return {};
  }

  void stop() noexcept override {
    stopping_ = true;
    wake();
  }

  void post(std::function<void()> job) override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    wake();
  }

  void reply(ExchangeId id, int status, std::string_view content_type, std::string_view body,
             const Headers& headers) override {
    evhttp_request* request = take(id);
    if (request == nullptr) return;
    add_headers(request, content_type, headers);
    Owned<evbuffer> buffer(evbuffer_new());
    evbuffer_add(buffer.get(), body.data(), body.size());
    evhttp_send_reply(request, status, nullptr, buffer.get());
  }

  void begin(ExchangeId id, std::string_view content_type) override {
    evhttp_request* request = open_request(id);
    if (request == nullptr) return;
    add_headers(request, content_type, {{"Cache-Control", "no-cache"}});
    evhttp_send_reply_start(request, HTTP_OK, nullptr);
  }

  void write(ExchangeId id, std::string_view bytes) override {
    evhttp_request* request = open_request(id);
    if (request == nullptr) return;
    Owned<evbuffer> buffer(evbuffer_new());
    evbuffer_add(buffer.get(), bytes.data(), bytes.size());
    evhttp_send_reply_chunk(request, buffer.get());
  }

  void end(ExchangeId id) override {
    if (evhttp_request* request = take(id)) evhttp_send_reply_end(request);
  }

 private:
  Result<void> bind() {
    evhttp_bound_socket* bound =
        evhttp_bind_socket_with_handle(http_.get(), options_.host.c_str(), options_.port);
    if (bound == nullptr) {
      return fail(
          ErrorKind::io, "cannot listen on " + options_.host + ":" + std::to_string(options_.port),
          std::strerror(errno), "use --port 0 for a free port, or stop what holds this one");
    }
    bound_ = bound;
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = address.ss_family == AF_INET6
                ? ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port)
                : ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
    return {};
  }

  static void on_request(evhttp_request* request, void* self) {
    static_cast<LibeventServer*>(self)->accept(request);
  }

  // A keep-alive connection may still ask while we drain: it is told to come back elsewhere.
  static void turn_away(evhttp_request* request) {
    add_headers(request, "text/plain", {{"Connection", "close"}, {"Retry-After", "1"}});
    evhttp_send_reply(request, HTTP_SERVUNAVAIL, nullptr, nullptr);
  }

  void accept(evhttp_request* request) {
    if (stopping_) return turn_away(request);
    const ExchangeId id = ++last_id_;
    evhttp_connection* connection = evhttp_request_get_connection(request);
    exchanges_[id] = {request, connection};
    evhttp_request_set_on_complete_cb(request, &on_complete, this);
    evhttp_connection_set_closecb(connection, &on_close, this);
    // A token is a small write: without this the kernel may hold it back for the next one.
    if (bufferevent* stream = evhttp_connection_get_bufferevent(connection)) {
      const int on = 1;
      setsockopt(bufferevent_getfd(stream), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    HttpServerRequest in;
    in.method = method_name(evhttp_request_get_command(request));
    if (const evhttp_uri* uri = evhttp_request_get_evhttp_uri(request)) {
      if (const char* path = evhttp_uri_get_path(uri)) in.path = path;
    }
    evbuffer* body = evhttp_request_get_input_buffer(request);
    in.body.resize(evbuffer_get_length(body));
    evbuffer_copyout(body, in.body.data(), in.body.size());
    try {
      handlers_.request(id, std::move(in));
    } catch (const std::exception& bug) {  // one bad request must not end the server
      reply(id, 500, "text/plain", bug.what(), {});
    }
  }

  static const char* method_name(evhttp_cmd_type command) {
    switch (command) {
      case EVHTTP_REQ_GET:
        return "GET";
      case EVHTTP_REQ_POST:
        return "POST";
      case EVHTTP_REQ_HEAD:
        return "HEAD";
      default:
        return "OTHER";
    }
  }

  static void on_close(evhttp_connection* connection, void* self) {
    static_cast<LibeventServer*>(self)->forget(connection);
  }

  // libevent hands a request whose reply had not ended back to us when its connection fails; one
  // whose reply had ended is freed with the connection.
  void forget(evhttp_connection* connection) {
    for (auto it = exchanges_.begin(); it != exchanges_.end();) {
      if (it->second.connection != connection) {
        ++it;
        continue;
      }
      const ExchangeId id = it->first;
      const Exchange exchange = it->second;
      it = exchanges_.erase(it);
      if (exchange.replied) continue;
      evhttp_request_free(exchange.request);
      handlers_.gone(id);
    }
    finish_if_drained();
  }

  // The last byte of a reply has left.
  static void on_complete(evhttp_request* request, void* self) {
    auto* server = static_cast<LibeventServer*>(self);
    for (auto it = server->exchanges_.begin(); it != server->exchanges_.end(); ++it) {
      if (it->second.request != request) continue;
      server->exchanges_.erase(it);
      break;
    }
    server->finish_if_drained();
  }

  static void on_wake(evutil_socket_t fd, short, void* self) {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(fd, &count, sizeof count);
    static_cast<LibeventServer*>(self)->handle_wake();
  }

  void handle_wake() {
    std::vector<std::function<void()>> jobs;
    {
      const std::lock_guard lock(mutex_);
      jobs.swap(jobs_);
    }
    for (const auto& job : jobs) job();
    if (stopping_ && bound_ != nullptr) begin_drain();
    finish_if_drained();
  }

  void begin_drain() {
    evhttp_del_accept_socket(http_.get(), bound_);
    bound_ = nullptr;
    drain_timer_.reset(evtimer_new(base_.get(), &on_drain_timeout, this));
    const timeval limit{options_.drain_seconds, 0};
    evtimer_add(drain_timer_.get(), &limit);
  }

  static void on_drain_timeout(evutil_socket_t, short, void* self) {
    static_cast<LibeventServer*>(self)->finished_ = true;
  }

  void finish_if_drained() {
    if (stopping_ && exchanges_.empty()) finished_ = true;
  }

  evhttp_request* open_request(ExchangeId id) {
    const auto it = exchanges_.find(id);
    return it == exchanges_.end() || it->second.replied ? nullptr : it->second.request;
  }

  // For the call that ends the reply.
  evhttp_request* take(ExchangeId id) {
    evhttp_request* request = open_request(id);
    if (request != nullptr) exchanges_[id].replied = true;
    return request;
  }

  static void add_headers(evhttp_request* request, std::string_view content_type,
                          const Headers& headers) {
    evkeyvalq* out = evhttp_request_get_output_headers(request);
    evhttp_add_header(out, "Content-Type", std::string(content_type).c_str());
    for (const auto& [name, value] : headers) evhttp_add_header(out, name.c_str(), value.c_str());
  }

  void wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }

  HttpServerOptions options_;
  Handlers handlers_;
  Owned<event_base> base_;
  Owned<evhttp> http_;
  Owned<event> wake_event_, drain_timer_;
  evhttp_bound_socket* bound_ = nullptr;
  int wake_fd_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  bool finished_ = false;
  ExchangeId last_id_ = 0;
  struct Exchange {
    evhttp_request* request = nullptr;
    evhttp_connection* connection = nullptr;
    bool replied = false;  // its end is queued, not yet sent
  };
  std::map<ExchangeId, Exchange> exchanges_;
  std::mutex mutex_;
  std::vector<std::function<void()>> jobs_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const HttpServerOptions& options,
                                                       Handlers handlers) {
  auto server = std::make_unique<LibeventServer>(options, std::move(handlers));
  if (auto started = server->start(); !started) return fail(started.error());
  return server;
}

}  // namespace pennyweight::llm
