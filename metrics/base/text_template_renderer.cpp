#include "metrics/base/text_template_renderer.h"

#include <algorithm>
#include <utility>

#include "metrics/base/text_template_evaluator.h"
#include "metrics/base/text_template_operators.h"
#include "metrics/base/text_template_print.h"

namespace pennyweight::templates {
namespace {

using Op = Expression::Kind;

enum class Flow : std::uint8_t { onward, leave, next };

class Renderer final : public MacroCaller {
 public:
  Renderer(TemplateUse use, const Value& variables, std::string_view followed_key)
      : context_(use, nowhere_), evaluator_(context_, variables, followed_key, *this) {
    evaluator_.scope = context_.scope(nullptr);
  }

  Result<FollowedText> run(const std::vector<Statement>& statements) {
    render(statements);
    if (!context_.ok()) return pennyweight::fail(context_.error());
    return FollowedText{out_.bytes(), out_.spans()};
  }

  Item call_macro(const Callable& macro, const Arguments& arguments) override {
    if (context_.calls == kMaxCalls) return context_.fail("calls are nested too deeply");
    ++context_.calls;
    Scope* const outer = std::exchange(evaluator_.scope, context_.scope(macro.scope));
    Item out;
    if (bind_parameters(*macro.definition, arguments)) out = captured(macro.definition->body);
    evaluator_.scope = outer;
    --context_.calls;
    return out;
  }

 private:
  // Of this kind of block, until the end of it.
  class Within {
   public:
    explicit Within(Renderer& renderer) : renderer_(renderer), outer_(renderer.evaluator_.scope) {
      renderer_.evaluator_.scope = renderer_.context_.scope(outer_);
    }
    ~Within() { renderer_.evaluator_.scope = outer_; }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Renderer& renderer_;
    Scope* outer_;
  };

  Scope& scope() { return *evaluator_.scope; }

  Flow render(const std::vector<Statement>& statements) {
    if (context_.nesting == kMaxNesting) context_.fail("nested too deeply");
    ++context_.nesting;
    Flow flow = Flow::onward;
    for (const Statement& statement : statements) {
      if (!context_.charge() || flow != Flow::onward) break;
      flow = render(statement);
    }
    --context_.nesting;
    return flow;
  }

  Flow render(const Statement& statement) {
    switch (statement.kind) {
      case Statement::Kind::text:
        write(Text(statement.text));
        break;
      case Statement::Kind::output:
        write(str(context_, evaluator_.needed(statement.expression)));
        break;
      case Statement::Kind::loop:
        return loop(statement);
      case Statement::Kind::condition: {
        const bool holds = is_true(evaluator_.needed(statement.expression));
        return render(holds ? statement.body : statement.otherwise);
      }
      case Statement::Kind::assign:
        assign(statement.target, evaluator_.needed(statement.expression));
        break;
      case Statement::Kind::capture:
        assign(statement.target, filtered_block(statement));
        break;
      case Statement::Kind::filter:
        write(str(context_, filtered_block(statement)));
        break;
      case Statement::Kind::macro:
        set(statement.text,
            context_.callable(
                {Callable::Kind::macro, statement.text, {}, &statement, evaluator_.scope}));
        break;
      case Statement::Kind::call:
        call(statement);
        break;
      case Statement::Kind::scope: {
        const Within block(*this);
        return render(statement.body);
      }
      case Statement::Kind::leave:
        return Flow::leave;
      case Statement::Kind::next:
        return Flow::next;
    }
    return Flow::onward;
  }

  void write(const Text& text) {
    if (!context_.ok() || !context_.charge_bytes(text.weight())) return;
    into_->append(text);
    if (into_->bytes().size() > kMaxText) context_.fail("the text is longer than 16 MiB");
  }

  // What statements write, as a value.
  Item captured(const std::vector<Statement>& body) {
    Text text;
    Text* const outer = std::exchange(into_, &text);
    render(body);
    into_ = outer;
    return context_.text(std::move(text));
  }

  Item filtered_block(const Statement& statement) {
    Item text;
    {
      const Within block(*this);
      text = captured(statement.body);
    }
    const Item outer = std::exchange(evaluator_.captured, text);
    Item out = evaluator_.needed(statement.expression);
    evaluator_.captured = outer;
    return out;
  }

  void set(std::string_view name, Item item) {
    if (context_.charge(scope().names.size() / 16)) scope().set(name, std::move(item));
  }

  void assign(const Expression& target, const Item& value) {
    context_.at = &target;
    if (!context_.ok()) return;
    if (target.kind == Op::name) {
      set(target.text, value);
    } else if (target.kind == Op::member) {
      const Item holder = evaluator_.needed(target.operands[0]);
      Map* const map = holder.map();
      if (map == nullptr || !map->is_namespace) {
        context_.fail("only an attribute of a namespace can be set");
      } else if (context_.charge(map->entries.size() / 16)) {
        map->set(Item(Text(target.text)), value);
      }
    } else {
      const Items items = items_of(context_, value);
      if (items.size() != target.operands.size()) {
        context_.fail("the names are not as many as the values");
      }
      for (std::size_t i = 0; i < items.size() && context_.ok(); ++i) {
        assign(target.operands[i], items[i]);
      }
    }
  }

  Flow loop(const Statement& statement) {
    Items items = items_of(context_, evaluator_.needed(statement.expression));
    const Within block(*this);
    if (statement.only_if) {
      Items kept;
      for (const Item& item : items) {
        if (!context_.charge()) return Flow::onward;
        scope().names.clear();
        assign(statement.target, item);
        if (is_true(evaluator_.needed(*statement.only_if))) kept.push_back(item);
      }
      items = std::move(kept);
      scope().names.clear();
    }
    if (items.empty() || !context_.ok()) return render(statement.otherwise);
    Loop* const state = context_.loop(std::move(items));
    Flow flow = Flow::onward;
    for (; state->index < state->items.size() && flow != Flow::leave; ++state->index) {
      if (!context_.charge()) break;
      scope().names.clear();
      assign(statement.target, state->items[state->index]);
      set("loop", state);
      flow = render(statement.body);
    }
    return Flow::onward;
  }

  // {% call %}: the macro gets the block as its caller().
  void call(const Statement& statement) {
    const Item called = evaluator_.needed(statement.expression.operands[0]);
    Arguments arguments = evaluator_.arguments(statement.expression);
    if (!context_.ok()) return;
    if (called.callable() == nullptr || called.callable()->kind != Callable::Kind::macro) {
      context_.fail("only a macro can be called with a block");
      return;
    }
    arguments.named.emplace_back(
        "caller",
        context_.callable({Callable::Kind::macro, "caller", {}, &statement, evaluator_.scope}));
    write(str(context_, call_macro(*called.callable(), arguments)));
  }

  bool bind_parameters(const Statement& definition, const Arguments& arguments) {
    const std::vector<Expression>& parameters = definition.target.operands;
    if (arguments.positional.size() > parameters.size()) {
      context_.fail("too many arguments for \"" + definition.text + "\"");
    }
    for (const auto& [name, item] : arguments.named) {
      const bool known =
          std::any_of(parameters.begin(), parameters.end(),
                      [&, wanted = name](const Expression& p) { return p.text == wanted; });
      if (name == "caller") {
        set("caller", item);
      } else if (!known) {
        context_.fail("\"" + definition.text + "\" has no argument \"" + std::string(name) + "\"");
      }
    }
    for (std::size_t i = 0; i < parameters.size() && context_.ok(); ++i) {
      const Expression& parameter = parameters[i];
      const Item* const found = arguments.find(i, parameter.text);
      if (found != nullptr) {
        set(parameter.text, *found);
      } else {
        const bool has_default = !parameter.operands.empty();
        set(parameter.text,
            has_default ? evaluator_.needed(parameter.operands[0]) : Item(Undefined{&parameter}));
      }
    }
    return context_.ok();
  }

  const Expression nowhere_;
  Context context_;
  Evaluator evaluator_;
  Text out_;
  Text* into_ = &out_;
};

}  // namespace

Result<FollowedText> render(const std::vector<Statement>& statements, TemplateUse use,
                            const Value& variables, std::string_view followed_key) {
  return Renderer(use, variables, followed_key).run(statements);
}

}  // namespace pennyweight::templates
