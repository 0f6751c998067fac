"""Model families as repositories of the fake Hub: the configs of tests/data with small weights."""
from daemon import EXAMPLES, SOURCE
from fakehub import safetensors

CONFIGS = SOURCE / "tests" / "data" / "configs"
TEXT, EMBED, PIXEL = "text_generation", "embeddings_generation", "pixel_generation"

# What the registry must find: family -> architecture, task.
KNOWN = {
    "bert": ("BertModel", EMBED),
    "deepseek_v2": ("DeepseekV2ForCausalLM", TEXT),
    "deepseek_v3": ("DeepseekV3ForCausalLM", TEXT),
    "exaone": ("ExaoneForCausalLM", TEXT),
    "flux": ("FluxPipeline", PIXEL),
    "gemma3": ("Gemma3ForConditionalGeneration", TEXT),
    "gemma3_text": ("Gemma3ForCausalLM", TEXT),
    "gpt_oss": ("GptOssForCausalLM", TEXT),
    "granite": ("GraniteForCausalLM", TEXT),
    "idefics3": ("Idefics3ForConditionalGeneration", TEXT),
    "internvl": ("InternVLChatModel", TEXT),
    "kimi_k2": ("DeepseekV3ForCausalLM", TEXT),
    "lfm2": ("Lfm2ForCausalLM", TEXT),
    "llama2": ("LlamaForCausalLM", TEXT),
    "llama3": ("LlamaForCausalLM", TEXT),
    "llama4": ("Llama4ForConditionalGeneration", TEXT),
    "mamba": ("MambaForCausalLM", TEXT),
    "mistral": ("MistralForCausalLM", TEXT),
    "mistral_nemo": ("MistralForCausalLM", TEXT),
    "mpnet": ("MPNetForMaskedLM", EMBED),
    "mpt": ("MPTForCausalLM", TEXT),
    "nemotron_h": ("NemotronHForCausalLM", TEXT),
    "olmo": ("OlmoForCausalLM", TEXT),
    "olmo2": ("Olmo2ForCausalLM", TEXT),
    "phi3": ("Phi3ForCausalLM", TEXT),
    "phi3_longrope": ("Phi3ForCausalLM", TEXT),
    "phi4": ("Phi3ForCausalLM", TEXT),
    "pixtral": ("LlavaForConditionalGeneration", TEXT),
    "qwen2": ("Qwen2ForCausalLM", TEXT),
    "qwen2_5": ("Qwen2ForCausalLM", TEXT),
    "qwen2_5_vl": ("Qwen2_5_VLForConditionalGeneration", TEXT),
    "qwen2_5_yarn": ("Qwen2ForCausalLM", TEXT),
    "qwen3": ("Qwen3ForCausalLM", TEXT),
    "qwen3_moe": ("Qwen3MoeForCausalLM", TEXT),
    "rope_parameters": ("LlamaForCausalLM", TEXT),
}
# What it must say it does not know, and not guess.
UNKNOWN = {
    "cohere": "CohereForCausalLM", "falcon": "FalconForCausalLM", "gemma2": "Gemma2ForCausalLM",
    "gpt2": "GPT2LMHeadModel", "jamba": "JambaForCausalLM", "mixtral": "MixtralForCausalLM",
    "t5": "T5ForConditionalGeneration", "whisper": "WhisperForConditionalGeneration",
    "roberta": "XLMRobertaModel", "qwen3_next": "Qwen3NextForCausalLM",
}
# Those whose weights are not in bfloat16, or in several folders.
ODD_WEIGHTS = {"deepseek_v3", "kimi_k2", "gpt_oss", "flux"}
PLAIN = sorted(set(KNOWN) - ODD_WEIGHTS)


def weights(dtype="BF16"):
    return safetensors({"model.embed_tokens.weight": (dtype, (64, 32)), "lm_head.weight": (dtype, (64, 32))})


def family_files(name, with_tokenizer=True):
    files = {p.name: p.read_bytes() for p in (CONFIGS / name).iterdir() if p.suffix == ".json"}
    files["model.safetensors"] = weights()
    if with_tokenizer:
        for file in ("tokenizer.json", "tokenizer_config.json"):
            files[file] = (EXAMPLES / "tiny-llama" / file).read_bytes()
    return files


def add_family(hub, name, **options):
    """The repository fam/<name>, made once per Hub."""
    repo = f"fam/{name}"
    return hub.repos.get(repo) or hub.repo(repo, family_files(name), **options)


H100S = [{"type": "H100", "count": 8}]


def request(name, **fields):
    """What POST /v1/pipelines gets for a family."""
    arch, task = KNOWN[name]
    return {"model_path": f"fam/{name}", "task": task, "quantization_encoding": "bfloat16",
            "devices": [{"type": "H100"}], "max_length": 512, "max_batch_size": 1,
            "trust_remote_code": True, **fields}
