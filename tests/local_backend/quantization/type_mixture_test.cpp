// What llama-quantize chooses for these shapes, counted; and single choices that show the rules.
#include "local_backend/quantization/type_mixture.h"

#include <map>

#include "tests/test.h"

namespace pennyweight::test {
namespace {

using namespace llm;

using Tensors = std::vector<std::pair<std::string, std::vector<std::uint64_t>>>;

struct Shape {
  MixtureModel model;
  std::uint64_t embedding, hidden, query, key_value;
  bool tied = false, fused = false;
};

const std::vector<Shape>& shapes() {
  static const std::vector<Shape> all = {
      {{32, 4, 0, false}, 512, 1024, 512, 128},               // Llama 3 8B's layers
      {{16, 1, 0, false}, 512, 1024, 512, 512, true},         // tied, no grouped heads
      {{80, 8, 0, true}, 256, 512, 256, 32},                  // Llama 2 70B's layers
      {{32, 4, 8, false}, 256, 512, 256, 64},                 // Mixtral's
      {{24, 7, 0, false}, 896, 4864, 896, 128, true},         // Qwen2.5 0.5B: 896 = 3.5 * 256
      {{32, 1, 0, false}, 512, 1024, 512, 512, false, true},  // Phi-3: fused
  };
  return all;
}

Tensors tensors_of(const Shape& s) {
  const std::uint64_t e = s.embedding, f = s.hidden;
  Tensors all = {{"token_embd.weight", {e, 512}}, {"output_norm.weight", {e}}};
  if (!s.tied) all.push_back({"output.weight", {e, 512}});
  for (int i = 0; i < s.model.layers; ++i) {
    const auto add = [&](const char* name, std::vector<std::uint64_t> ne) {
      all.emplace_back("blk." + std::to_string(i) + "." + name, std::move(ne));
    };
    add("attn_norm.weight", {e});
    add("attn_output.weight", {s.query, e});
    if (s.fused) {
      add("attn_qkv.weight", {e, s.query + 2 * s.key_value});
      add("ffn_down.weight", {f, e});
      add("ffn_up.weight", {e, 2 * f});
      continue;
    }
    add("attn_q.weight", {e, s.query});
    add("attn_k.weight", {e, s.key_value});
    add("attn_v.weight", {e, s.key_value});
    add("attn_v.bias", {s.key_value});
    if (s.model.experts > 0) {
      const auto n = static_cast<std::uint64_t>(s.model.experts);
      add("ffn_gate_inp.weight", {e, n});
      add("ffn_gate_exps.weight", {e, f, n});
      add("ffn_down_exps.weight", {f, e, n});
      add("ffn_up_exps.weight", {e, f, n});
    } else {
      add("ffn_gate.weight", {e, f});
      add("ffn_down.weight", {f, e});
      add("ffn_up.weight", {e, f});
    }
  }
  return all;
}

std::map<std::string, std::string> chosen(const Shape& shape, Mixture mixture, bool pure = false) {
  const Tensors tensors = tensors_of(shape);
  std::vector<MixtureShape> views;
  for (auto one = tensors.rbegin(); one != tensors.rend(); ++one) {  // any order will do
    views.push_back({one->first, one->second});
  }
  const auto types = choose_types(views, shape.model, mixture, pure);
  std::map<std::string, std::string> names;
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (types[i]) names.emplace(views[i].name, block_format(*types[i])->name);
  }
  return names;
}

std::string counted(const std::map<std::string, std::string>& types) {
  std::map<std::string, int> counts;
  for (const auto& [name, type] : types) ++counts[type];
  std::string text;
  for (const auto& [type, count] : counts) {
    text += (text.empty() ? "" : " ") + type + ":" + std::to_string(count);
  }
  return text;
}

struct Row {
  const char* mixture;
  std::vector<const char*> counts;  // of each shape
};
const std::vector<Row> kRows = {
    {"Q2_K",
     {"Q2_K:129 Q3_K:64 Q4_K:32 Q6_K:1", "Q2_K:64 Q3_K:48 Q6_K:1",
      "Q2_K:321 Q3_K:160 Q5_K:80 Q6_K:1", "Q2_K:97 Q3_K:32 Q5_K:32 Q6_K:1 Q8_0:64",
      "Q3_K:24 Q4_0:120 Q5_0:24 Q8_0:1", "Q2_K:33 Q3_K:96 Q6_K:1"}},
    {"Q3_K_S",
     {"Q3_K:225 Q6_K:1", "Q3_K:112 Q6_K:1", "Q3_K:481 Q5_K:80 Q6_K:1",
      "Q3_K:129 Q5_K:32 Q6_K:1 Q8_0:64", "Q3_K:24 Q4_0:144 Q8_0:1", "Q3_K:129 Q6_K:1"}},
    {"Q3_K_M",
     {"Q3_K:129 Q4_K:92 Q5_K:4 Q6_K:1", "Q3_K:64 Q4_K:45 Q5_K:3 Q6_K:1",
      "Q3_K:321 Q4_K:155 Q5_K:85 Q6_K:1", "Q3_K:97 Q4_K:30 Q5_K:34 Q6_K:1 Q8_0:64",
      "Q4_0:96 Q4_K:23 Q5_0:46 Q5_1:2 Q5_K:1 Q8_0:1", "Q3_K:33 Q4_K:92 Q5_K:4 Q6_K:1"}},
    {"Q3_K_L",
     {"Q3_K:129 Q5_K:96 Q6_K:1", "Q3_K:64 Q5_K:48 Q6_K:1", "Q3_K:321 Q5_K:240 Q6_K:1",
      "Q3_K:129 Q5_K:32 Q6_K:1 Q8_0:64", "Q4_0:96 Q5_1:48 Q5_K:24 Q8_0:1",
      "Q3_K:33 Q5_K:96 Q6_K:1"}},
    {"Q4_0",
     {"Q4_0:225 Q6_K:1", "Q4_0:112 Q6_K:1", "Q4_0:561 Q6_K:1", "Q4_0:161 Q6_K:1 Q8_0:64",
      "Q4_0:168 Q8_0:1", "Q4_0:129 Q6_K:1"}},
    {"Q4_1",
     {"Q4_1:225 Q6_K:1", "Q4_1:112 Q6_K:1", "Q4_1:561 Q6_K:1", "Q4_1:161 Q6_K:1 Q8_0:64",
      "Q4_1:168 Q8_0:1", "Q4_1:129 Q6_K:1"}},
    {"Q4_K_S",
     {"Q4_K:217 Q5_K:8 Q6_K:1", "Q4_K:106 Q5_K:6 Q6_K:1", "Q4_K:471 Q5_K:90 Q6_K:1",
      "Q4_K:125 Q5_K:36 Q6_K:1 Q8_0:64", "Q4_K:21 Q5_0:140 Q5_1:4 Q5_K:3 Q8_0:1",
      "Q4_K:121 Q5_K:8 Q6_K:1"}},
    {"Q4_K_M",
     {"Q4_K:193 Q6_K:33", "Q4_K:96 Q6_K:17", "Q4_K:441 Q5_K:40 Q6_K:81",
      "Q4_K:113 Q5_K:32 Q6_K:17 Q8_0:64", "Q4_K:12 Q5_0:132 Q6_K:12 Q8_0:13", "Q4_K:97 Q6_K:33"}},
    {"Q5_0",
     {"Q5_0:225 Q6_K:1", "Q5_0:112 Q6_K:1", "Q5_0:561 Q6_K:1", "Q5_0:161 Q6_K:1 Q8_0:64",
      "Q5_0:168 Q8_0:1", "Q5_0:129 Q6_K:1"}},
    {"Q5_1",
     {"Q5_1:225 Q6_K:1", "Q5_1:112 Q6_K:1", "Q5_1:561 Q6_K:1", "Q5_1:161 Q6_K:1 Q8_0:64",
      "Q5_1:168 Q8_0:1", "Q5_1:129 Q6_K:1"}},
    {"Q5_K_S",
     {"Q5_K:225 Q6_K:1", "Q5_K:112 Q6_K:1", "Q5_K:561 Q6_K:1", "Q5_K:161 Q6_K:1 Q8_0:64",
      "Q5_1:144 Q5_K:24 Q8_0:1", "Q5_K:129 Q6_K:1"}},
    {"Q5_K_M",
     {"Q5_K:193 Q6_K:33", "Q5_K:96 Q6_K:17", "Q5_K:481 Q6_K:81", "Q5_K:145 Q6_K:17 Q8_0:64",
      "Q5_1:132 Q5_K:12 Q6_K:12 Q8_0:13", "Q5_K:97 Q6_K:33"}},
    {"Q6_K",
     {"Q6_K:226", "Q6_K:113", "Q6_K:562", "Q6_K:162 Q8_0:64", "Q6_K:24 Q8_0:145", "Q6_K:130"}},
    {"Q8_0", {"Q8_0:226", "Q8_0:113", "Q8_0:562", "Q8_0:226", "Q8_0:169", "Q8_0:130"}},
    {"IQ4_NL",
     {"IQ4_NL:189 Q5_K:36 Q6_K:1", "IQ4_NL:110 Q5_K:2 Q6_K:1", "IQ4_NL:471 Q5_K:90 Q6_K:1",
      "IQ4_NL:125 Q5_K:36 Q6_K:1 Q8_0:64", "IQ4_NL:141 Q5_1:24 Q5_K:3 Q8_0:1",
      "IQ4_NL:125 Q5_K:4 Q6_K:1"}},
    {"IQ4_XS",
     {"IQ4_XS:189 Q5_K:36 Q6_K:1", "IQ4_XS:110 Q5_K:2 Q6_K:1", "IQ4_XS:471 Q5_K:90 Q6_K:1",
      "IQ4_XS:125 Q5_K:36 Q6_K:1 Q8_0:64", "IQ4_NL:120 IQ4_XS:21 Q5_1:24 Q5_K:3 Q8_0:1",
      "IQ4_XS:125 Q5_K:4 Q6_K:1"}},
    {"MXFP4_MOE",
     {"Q8_0:226", "Q8_0:113", "Q8_0:562", "MXFP4:96 Q8_0:130", "Q8_0:169", "Q8_0:130"}},
};

TEST_CASE("a mixture gives each tensor the type that llama-quantize gives it") {
  for (const Row& row : kRows) {
    CAPTURE(row.mixture);
    for (std::size_t i = 0; i < shapes().size(); ++i) {
      CHECK(counted(chosen(shapes()[i], mixture_named(row.mixture).value())) == row.counts[i]);
    }
  }
}

TEST_CASE("Q4_K_M gives six bits to the first eighth, the last eighth and each third between") {
  const auto types = chosen(shapes()[0], Mixture::q4_k_m);
  std::string six;
  for (int i = 0; i < 32; ++i) {
    const std::string layer = "blk." + std::to_string(i) + ".";
    CHECK(types.at(layer + "attn_v.weight") == types.at(layer + "ffn_down.weight"));
    if (types.at(layer + "attn_v.weight") == "Q6_K") six += " " + std::to_string(i);
  }
  CHECK(six == " 0 1 2 3 6 9 12 15 18 21 24 27 28 29 30 31");
  CHECK(types.at("output.weight") == "Q6_K");
  CHECK(types.at("token_embd.weight") == "Q4_K");
  CHECK(chosen(shapes()[1], Mixture::q4_k_m).at("token_embd.weight") == "Q6_K");  // it is the head
}

TEST_CASE("norms, biases, routers and vectors keep their type") {
  const auto types = chosen(shapes()[3], Mixture::f16);
  for (const char* name : {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.attn_v.bias",
                           "blk.0.ffn_gate_inp.weight"}) {
    CHECK(types.count(name) == 0);
  }
  CHECK(types.at("blk.0.ffn_down_exps.weight") == "F16");
  const std::vector<std::uint64_t> row = {64, 1}, matrix = {64, 64}, nothing;
  CHECK(!is_quantized("blk.0.attn_q.weight", row));
  CHECK(!is_quantized("blk.0.attn_q.weight", nothing));
  CHECK(!is_quantized("token_types.weight", matrix));
  CHECK(!is_quantized("eight", matrix));
  CHECK(is_quantized("blk.0.attn_q.weight", matrix));
}

TEST_CASE("pure means one type, but for rows that are no whole blocks of it") {
  CHECK(counted(chosen(shapes()[0], Mixture::q4_k_m, true)) == "Q4_K:226");
  CHECK(counted(chosen(shapes()[0], Mixture::mxfp4_moe, true)) == "MXFP4:226");
  const auto types = chosen(shapes()[4], Mixture::q5_k_s, true);
  CHECK(types.at("blk.0.attn_q.weight") == "Q5_1");    // 896 columns
  CHECK(types.at("blk.0.ffn_down.weight") == "Q5_K");  // 4864
  const Shape odd = {{2, 1, 0, false}, 80, 96, 80, 80};
  CHECK(counted(chosen(odd, Mixture::q4_0)) == "F16:14 Q4_0:2");
}

TEST_CASE("mixtures are named in any case, and by what people call them") {
  CHECK(mixture_named("q4_k_m") == Mixture::q4_k_m);
  CHECK(mixture_named("Q4_K") == Mixture::q4_k_m);
  CHECK(mixture_named("q3_k") == Mixture::q3_k_m);
  CHECK(mixture_named("bf16") == Mixture::bf16);
  CHECK(!mixture_named("Q4_K_XL"));
  CHECK(!mixture_named(""));
  CHECK(mixture_name(Mixture::iq4_xs) == "IQ4_XS");
  CHECK(static_cast<std::uint32_t>(*mixture_named("MXFP4_MOE")) == 38);
}

}  // namespace
}  // namespace pennyweight::test
