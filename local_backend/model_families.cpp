#include "local_backend/model_families.h"

namespace pennyweight::llm {
namespace {

constexpr std::string_view kNoGguf = "its layers are no GGUF architecture";
constexpr std::string_view kVision = "it reads images, and this engine reads text";

constexpr ModelFamily kFamilies[] = {
    {"Llama 2", "Meta", "7B, 13B", "llama", "SPM", ""},
    {"Llama 3", "Meta", "8B", "llama", "llama-bpe", ""},
    {"Llama 3.1", "Meta", "8B", "llama", "llama-bpe", ""},
    {"Llama 3.2", "Meta", "1B, 3B", "llama", "llama-bpe", ""},
    {"TinyLlama", "TinyLlama", "1.1B", "llama", "SPM", ""},
    {"Mistral 7B", "Mistral AI", "7B", "llama", "SPM", ""},
    {"Mistral Nemo", "Mistral AI, NVIDIA", "12B", "llama", "tekken", ""},
    {"Ministral 3", "Mistral AI", "3B, 8B, 14B", "mistral3", "tekken", ""},
    {"Mixtral", "Mistral AI", "8x7B", "llama", "SPM", ""},
    {"Phi-3", "Microsoft", "mini 3.8B, medium 14B", "phi3", "SPM", ""},
    {"Phi-3-small", "Microsoft", "7B", "", "tiktoken", kNoGguf},
    {"Phi-3.5-mini", "Microsoft", "3.8B", "phi3", "SPM", ""},
    {"Phi-3.5-MoE", "Microsoft", "16x3.8B", "phimoe", "SPM", ""},
    {"Phi-4", "Microsoft", "14B", "phi3", "dbrx", ""},
    {"Phi-4-mini", "Microsoft", "3.8B", "phi3", "gpt-4o", ""},
    {"Gemma", "Google", "2B, 7B", "gemma", "SPM", ""},
    {"Gemma 2", "Google", "2B, 9B, 27B", "gemma2", "SPM", ""},
    {"Gemma 3", "Google", "270M, 1B; text of 4B to 27B", "gemma3", "SPM", ""},
    {"Gemma 3n", "Google", "E2B, E4B", "gemma3n", "SPM",
     "its layers share and skip parts in ways that this engine does not compute"},
    {"Qwen2, Qwen2.5", "Alibaba", "0.5B to 14B", "qwen2", "qwen2", ""},
    {"Qwen3", "Alibaba", "0.6B to 14B", "qwen3", "qwen2", ""},
    {"Qwen3 MoE", "Alibaba", "30B-A3B", "qwen3moe", "qwen2", ""},
    {"DeepSeek-R1-Distill", "DeepSeek", "Qwen 1.5B, 7B; Llama 8B", "qwen2, llama",
     "deepseek-r1-qwen, llama-bpe", ""},
    {"Mi:dm 2.0", "KT", "Mini 2.3B, Base 11.5B", "llama", "midm-2.0", ""},
    {"HyperCLOVA X SEED Text", "NAVER", "0.5B, 1.5B", "llama", "named by the converter",
     "public converters have no name for its tokenizer: it runs where the file names one that "
     "this engine knows"},
    {"HyperCLOVA X SEED Vision", "NAVER", "3B", "", "", kVision},
    {"HyperCLOVA X SEED Think", "NAVER", "14B", "", "", kNoGguf},
    {"SOLAR 10.7B", "Upstage", "10.7B", "llama", "SPM", ""},
    {"Solar Pro preview", "Upstage", "22B", "", "SPM", kNoGguf},
    {"EXAONE 3.0, 3.5", "LG AI Research", "2.4B, 7.8B, 32B", "exaone", "exaone", ""},
    {"EXAONE 4.0", "LG AI Research", "1.2B, 32B", "exaone4", "exaone4", ""},
    {"SmolLM2", "Hugging Face", "135M, 360M, 1.7B", "llama", "smollm", ""},
    {"SmolLM3", "Hugging Face", "3B", "smollm3", "llama-bpe", ""},
    {"Granite 3", "IBM", "2B, 8B", "granite", "refact", ""},
    {"Granite 3 MoE", "IBM", "1B, 3B", "granitemoe", "refact",
     "its mixture of experts is not one that this engine runs"},
    {"StableLM 2", "Stability AI", "1.6B, 12B", "stablelm", "stablelm2",
     "it norms by mean and variance"},
    {"MiniCPM", "OpenBMB", "1B, 2B, 4B", "minicpm", "SPM",
     "its scales are keys that this engine does not read"},
    {"OpenELM", "Apple", "270M to 3B", "openelm", "SPM", "its layers have different shapes"},
};

}  // namespace

std::span<const ModelFamily> model_families() {
  return kFamilies;
}

}  // namespace pennyweight::llm
