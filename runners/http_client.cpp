#include "runners/http_client.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <curl/curl.h>

#include "runners/http_exchange.h"

namespace pennyweight {
namespace {

struct CurlFree {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CurlMultiFree {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
using Easy = std::unique_ptr<CURL, CurlFree>;
using HeaderList = std::unique_ptr<curl_slist, CurlFree>;
using Multi = std::unique_ptr<CURLM, CurlMultiFree>;

// libcurl's callbacks run only inside CurlClient::drive() and only take notes; the handlers of the
// caller, who may start or cancel requests from them, run after libcurl has returned.
struct Transfer {
  Transfer(EventLoop& loop, std::size_t max_body_bytes, std::uint64_t number, HttpRequest request,
           HttpClient::Handlers calls, std::vector<Transfer*>& news)
      : id(number),
        exchange(loop, max_body_bytes, std::move(request)),
        handlers(std::move(calls)),
        noted(news) {}

  std::uint64_t id;
  HttpExchange exchange;
  HttpClient::Handlers handlers;
  std::vector<Transfer*>& noted;  // those with news for their callers
  HeaderList header_list;
  Easy easy;
  std::array<char, CURL_ERROR_SIZE> error{};
  std::optional<Instant> begun;  // libcurl took it up: zero of its own times
  bool has_news = false, sent_told = false, ended = false;
  std::size_t bytes_told = 0;
  TimerId timer = 0;

  void note() {
    if (!std::exchange(has_news, true)) noted.push_back(this);
  }
};

std::size_t on_header(char* bytes, std::size_t, std::size_t n, void* user) {
  static_cast<Transfer*>(user)->exchange.on_header({bytes, n});
  return n;
}

std::size_t on_body(char* bytes, std::size_t, std::size_t n, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!transfer.exchange.on_body({bytes, n})) return 0;  // makes libcurl stop
  transfer.note();
  return n;
}

// libcurl reports outgoing bytes when the socket has just taken them: the nearest moment to "the
// first request byte is written" that it shows. Its PRETRANSFER time is in microseconds, from its
// own clock, and known only at the end; a read callback is not asked for the request line.
int on_debug(CURL*, curl_infotype type, char* bytes, std::size_t n, void* user) {
  if (type != CURLINFO_HEADER_OUT && type != CURLINFO_DATA_OUT) return 0;
  if (std::string_view(bytes, n).starts_with("CONNECT ")) return 0;  // to a proxy, not the server
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.exchange.on_written();
  if (!transfer.sent_told) transfer.note();
  return 0;
}

Failure failure_of(CURLcode code, bool replied) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Failure::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::timeout;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Failure::tls;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return Failure::truncated;
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return replied ? Failure::truncated : Failure::protocol;
    default:
      return Failure::protocol;
  }
}

// Everything that is the same for each request, and what it says itself.
bool set_up(Transfer& t) {
  CURL* easy = t.easy.get();
  const HttpRequest& request = t.exchange.request;
  bool good = true;
  const auto set = [&](CURLoption option, auto value) {
    good = curl_easy_setopt(easy, option, value) == CURLE_OK && good;
  };
  const auto header = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(t.header_list.get(), line.c_str());
    good = longer != nullptr && good;
    if (longer == nullptr) return;
    static_cast<void>(t.header_list.release());
    t.header_list.reset(longer);
  };
  for (const auto& [name, value] : request.headers) header(name + ": " + value);
  header("Accept-Encoding: identity");  // compression holds back events
  header("User-Agent: pennyweight");
  header("Expect:");  // no waiting for 100 Continue
  set(CURLOPT_HTTPHEADER, t.header_list.get());
  set(CURLOPT_URL, request.url.c_str());
  if (request.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
  } else {
    set(CURLOPT_HTTPGET, 1L);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  set(CURLOPT_NOSIGNAL, 1L);
  // A request that ends while its name is being resolved does not wait for the resolver's thread,
  // which would hold up the loop.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
  if (is_loopback(request.url)) set(CURLOPT_PROXY, "");
  // Ours rings first and says which limit it was; this one only replaces libcurl's own 300 s.
  const auto connect = std::chrono::ceil<std::chrono::milliseconds>(request.timeouts.connect);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count() + 1000));
  set(CURLOPT_ERRORBUFFER, t.error.data());
  set(CURLOPT_PRIVATE, static_cast<void*>(&t));
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&t));
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&t));
  set(CURLOPT_DEBUGFUNCTION, &on_debug);
  set(CURLOPT_DEBUGDATA, static_cast<void*>(&t));
  set(CURLOPT_VERBOSE, 1L);  // without it there is no debug callback; nothing is printed
  return good;
}

// What libcurl knows of a transfer that has ended.
void read_facts(const Transfer& t, HttpResponse& response) {
  CURL* easy = t.easy.get();
  long status = 0, connections = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  response.status = status >= 200 ? static_cast<int>(status) : 0;
  if (!t.begun) return;
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
  if (response.sent) response.connection_reused = connections == 0;
  if (response.connection_reused == true) return;
  const auto instant = [&](CURLINFO what) -> std::optional<Instant> {
    curl_off_t microseconds = 0;
    if (curl_easy_getinfo(easy, what, &microseconds) != CURLE_OK || microseconds <= 0)
      return std::nullopt;
    return *t.begun + std::chrono::microseconds(microseconds);
  };
  response.connected = instant(CURLINFO_CONNECT_TIME_T);
  response.tls_done = instant(CURLINFO_APPCONNECT_TIME_T);
}

class CurlClient final : public HttpClient {
 public:
  CurlClient(EventLoop& loop, std::size_t max_body_bytes, Multi multi)
      : loop_(loop), max_body_bytes_(max_body_bytes), multi_(std::move(multi)) {
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, &CurlClient::on_socket);
    curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, &CurlClient::on_timer);
    curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  }

  ~CurlClient() override {
    for (auto& [id, transfer] : transfers_) detach(*transfer);
    transfers_.clear();
    multi_.reset();  // closes idle connections, which still calls back
    for (const int fd : watched_) loop_.unwatch(fd);
    loop_.cancel_timer(curl_timer_);
  }

  void start(std::uint64_t id, HttpRequest request, Handlers handlers) override {
    auto owned = std::make_unique<Transfer>(loop_, max_body_bytes_, id, std::move(request),
                                            std::move(handlers), noted_);
    Transfer& t = *owned;
    transfers_[id] = std::move(owned);
    t.easy.reset(curl_easy_init());
    // libcurl begins it at its next timer, so that nothing can finish before a later turn.
    if (!t.easy || !set_up(t) || curl_multi_add_handle(multi_.get(), t.easy.get()) != CURLM_OK)
      return end_later(t, Failure::protocol, "the request cannot be made from this URL");
    fresh_.push_back(&t);
    arm(t);
  }

  void cancel(std::uint64_t id) override {
    const auto found = transfers_.find(id);
    if (found != transfers_.end() && !found->second->ended)
      end_later(*found->second, Failure::cancelled, "cancelled");
  }

 private:
  static int on_socket(CURL*, curl_socket_t fd, int what, void* user, void*) {
    auto& self = *static_cast<CurlClient*>(user);
    if (what == CURL_POLL_REMOVE) {
      if (self.watched_.erase(fd) > 0) self.loop_.unwatch(fd);
      return 0;
    }
    const Interest interest = what == CURL_POLL_IN    ? Interest::read
                              : what == CURL_POLL_OUT ? Interest::write
                                                      : Interest::read_write;
    const auto watched = self.loop_.watch(fd, interest, [&self, fd](bool readable, bool writable) {
      self.drive(fd, (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0));
    });
    if (!watched) return -1;
    self.watched_.insert(fd);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* user) {
    auto& self = *static_cast<CurlClient*>(user);
    self.loop_.cancel_timer(std::exchange(self.curl_timer_, 0));
    if (milliseconds < 0) return 0;
    const Instant at = self.loop_.clock().now() + std::chrono::milliseconds(milliseconds);
    self.curl_timer_ = self.loop_.call_at(at, [&self] {
      self.curl_timer_ = 0;
      self.drive(CURL_SOCKET_TIMEOUT, 0);
    });
    return 0;
  }

  void drive(curl_socket_t fd, int events) {
    for (Transfer* t : fresh_) t->begun = loop_.clock().now();
    fresh_.clear();
    int ignored = 0;
    curl_multi_socket_action(multi_.get(), fd, events, &ignored);
    tell_news();
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &ignored)) {
      char* user = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
      complete(*static_cast<Transfer*>(static_cast<void*>(user)), message->data.result);
    }
  }

  void tell_news() {
    while (!noted_.empty()) {
      Transfer& t = *noted_.back();
      noted_.pop_back();
      t.has_news = false;
      const HttpResponse& response = t.exchange.response;
      if (response.sent && !std::exchange(t.sent_told, true)) {
        arm(t);
        if (t.handlers.sent) t.handlers.sent(*response.sent);
      }
      const std::size_t bytes = response.body.size();
      if (std::exchange(t.bytes_told, bytes) < bytes && t.handlers.progress && !t.ended)
        t.handlers.progress(bytes);
    }
  }

  void complete(Transfer& t, CURLcode code) {
    HttpExchange& exchange = t.exchange;
    exchange.response.done = exchange.arrival();
    if (code != CURLE_OK) {
      const char* text = t.error[0] != '\0' ? t.error.data() : curl_easy_strerror(code);
      exchange.set_failure(failure_of(code, exchange.response.header.has_value()), text);
    } else if (!exchange.head_complete()) {  // libcurl takes a close there for the end
      exchange.set_failure(Failure::truncated, "the connection closed inside the headers");
    }
    finish(t);
  }

  // A cancelled request, or one that could not begin: libcurl forgets it now, the caller hears of
  // it in a later turn.
  void end_later(Transfer& t, Failure failure, std::string message) {
    t.exchange.set_failure(failure, std::move(message));
    t.exchange.response.done = loop_.clock().now();
    t.ended = true;
    detach(t);
    t.timer = loop_.call_at(*t.exchange.response.done, [this, &t] { finish(t); });
  }

  void finish(Transfer& t) {
    if (t.easy) read_facts(t, t.exchange.response);
    detach(t);
    const auto owned = std::move(transfers_.extract(t.id).mapped());
    owned->handlers.finished(std::move(owned->exchange.response));
  }

  void detach(Transfer& t) {
    loop_.cancel_timer(std::exchange(t.timer, 0));
    std::erase(fresh_, &t);
    std::erase(noted_, &t);
    if (t.easy) curl_multi_remove_handle(multi_.get(), t.easy.get());
  }

  // One timer a transfer, set for its nearest deadline and looked at again when it rings, so that
  // an arriving byte costs nothing.
  void arm(Transfer& t) {
    loop_.cancel_timer(t.timer);
    t.timer = loop_.call_at(t.exchange.deadline(), [this, &t] {
      if (!t.exchange.expired()) return arm(t);
      t.exchange.response.done = loop_.clock().now();
      finish(t);
    });
  }

  EventLoop& loop_;
  std::size_t max_body_bytes_;
  Multi multi_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> fresh_;  // not yet taken up by libcurl
  std::vector<Transfer*> noted_;
  std::unordered_set<int> watched_;
  TimerId curl_timer_ = 0;
};

}  // namespace

bool is_loopback(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  char* part = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), CURLUPART_HOST, &part, 0) != CURLUE_OK)
    return false;
  const std::unique_ptr<char, decltype(&curl_free)> owned(part, &curl_free);
  std::string host = part;
  for (char& c : host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const bool address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (address && host.starts_with("127."));
}

std::string_view HttpResponse::header_value(std::string_view lower_case_name) const {
  const auto it = std::find_if(headers.begin(), headers.end(),
                               [&](const auto& h) { return h.first == lower_case_name; });
  return it == headers.end() ? std::string_view() : std::string_view(it->second);
}

Result<std::unique_ptr<HttpClient>> HttpClient::make(EventLoop& loop, std::size_t max_body_bytes) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  Multi multi(initialised == CURLE_OK ? curl_multi_init() : nullptr);
  if (!multi) return fail(ErrorKind::internal, "libcurl cannot be initialised");
  return std::make_unique<CurlClient>(loop, max_body_bytes, std::move(multi));
}

}  // namespace pennyweight
