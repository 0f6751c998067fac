"""Every method of the seed's PipelineRegistry, each against every family that is known here."""
import pytest

from families import KNOWN, PLAIN, UNKNOWN, add_family, request

MY_ARCH = {
    "name": "MyOwnForCausalLM", "task": "text_generation", "default_encoding": "bfloat16",
    "supported_encodings": {"bfloat16": ["paged"], "float32": ["paged"]},
    "pipeline_model": "Llama3Model", "tokenizer": "TextTokenizer",
    "default_weights_format": "safetensors", "rope_type": "normal",
    "weight_adapters": {"safetensors": "convert_safetensor_state_dict"},
    "example_repo_ids": ["me/mine"], "required_arguments": {"enable_prefix_caching": False},
}


def test_there_are_at_least_25_families():
    assert len(PLAIN) >= 25


# ---- register, override, reset

def test_register_and_read_back(daemon):
    made = daemon.post("/v1/architectures", MY_ARCH)
    assert made.status == 201
    doc = made.json()
    for key, value in MY_ARCH.items():
        assert doc[key] == value, key
    assert doc["source"] == "api" and doc["revision"] > 0 and doc["created_at"].endswith("Z")
    got = daemon.get(made.headers["location"])
    assert got.status == 200 and got.json() == doc
    assert got.headers["etag"] == made.headers["etag"]


def test_register_again_is_a_conflict_unless_override(daemon):
    daemon.post("/v1/architectures", MY_ARCH)
    again = daemon.post("/v1/architectures", MY_ARCH)
    assert again.status == 409
    problem = again.json()
    assert problem["code"] == "architecture-exists"
    assert "MyOwnForCausalLM" in str(problem)
    changed = dict(MY_ARCH, rope_type="neox")
    over = daemon.post("/v1/architectures?allow_override=true", changed)
    assert over.status in (200, 201)
    assert daemon.get("/v1/architectures/MyOwnForCausalLM").json()["rope_type"] == "neox"


def test_register_under_a_second_task(daemon):
    second = dict(MY_ARCH, task="embeddings_generation")
    assert daemon.post("/v1/architectures?allow_override=true", second).status in (200, 201)
    first = daemon.get("/v1/architectures/MyOwnForCausalLM", {"task": "text_generation"})
    other = daemon.get("/v1/architectures/MyOwnForCausalLM", {"task": "embeddings_generation"})
    assert first.json()["task"] == "text_generation"
    assert other.json()["task"] == "embeddings_generation"
    assert daemon.get("/v1/architectures/MyOwnForCausalLM").json()["task"] == "text_generation"


def test_reset_clears_and_builtin_brings_back(hub, tmp_path):
    from daemon import Daemon
    with Daemon(tmp_path, hub=hub) as daemon:
        n = len(daemon.get("/v1/architectures").json()["items"])
        assert n >= 100
        assert daemon.post("/v1/reset").json()["architectures"] == n
        assert daemon.get("/v1/architectures").json()["items"] == []
        daemon.restart()
        assert daemon.get("/v1/architectures").json()["items"] == []
        assert daemon.post("/v1/reset", {"architectures": "builtin"}).status == 200
        assert len(daemon.get("/v1/architectures").json()["items"]) == n


# ---- retrieve_architecture, retrieve_pipeline_task

@pytest.mark.parametrize("family", sorted(KNOWN))
def test_architecture_of(daemon, hub, family):
    repo = add_family(hub, family)
    name, task = KNOWN[family]
    answer = daemon.get("/v1/model/architecture", {"model": f"fam/{family}", "trust_remote_code": "true"})
    assert answer.status == 200, answer
    doc = answer.json()
    assert (doc["name"], doc["task"], doc["commit"]) == (name, task, repo.head)
    assert doc["requested"] == "main"
    assert any(d["field"] == "architecture" and d["value"] == name for d in doc["decisions"])


@pytest.mark.parametrize("family", sorted(KNOWN))
def test_task_of(daemon, hub, family):
    add_family(hub, family)
    answer = daemon.get("/v1/model/task", {"model": f"fam/{family}", "trust_remote_code": "true"})
    assert answer.status == 200, answer
    assert answer.json()["task"] == KNOWN[family][1]


def test_a_model_of_two_tasks_names_the_other(daemon, hub):
    add_family(hub, "qwen3")
    assert "embeddings_generation" in daemon.get("/v1/model/task?model=fam/qwen3").json()["alternatives"]
    doc = daemon.get("/v1/model/architecture?model=fam/qwen3&task=embeddings_generation").json()
    assert doc["task"] == "embeddings_generation"


@pytest.mark.parametrize("family", sorted(UNKNOWN))
def test_unknown_architectures_say_what_was_tried(daemon, hub, family):
    add_family(hub, family)
    answer = daemon.get("/v1/model/architecture", {"model": f"fam/{family}", "trust_remote_code": "true"})
    assert answer.status == 404, answer
    problem = answer.json()
    assert problem["code"] == "architecture-not-found"
    assert [c["name"] for c in problem["candidates"]] == [UNKNOWN[family]]
    assert all(c["reason"] for c in problem["candidates"])


def test_module_v3_variant_when_preferred(daemon, hub):
    add_family(hub, "llama3")
    plain = daemon.get("/v1/model/architecture?model=fam/llama3").json()["name"]
    v3 = daemon.get("/v1/model/architecture?model=fam/llama3&prefer_module_v3=true").json()["name"]
    assert (plain, v3) == ("LlamaForCausalLM", "LlamaForCausalLM_ModuleV3")


# ---- get_active_huggingface_config, get_active_tokenizer

@pytest.mark.parametrize("family", PLAIN)
def test_config_of(daemon, hub, family):
    import json
    repo = add_family(hub, family)
    answer = daemon.get("/v1/model/config", {"model": f"fam/{family}"})
    assert answer.status == 200, answer
    assert answer.json()["config"] == json.loads(repo.commits[repo.head]["config.json"].data)
    again = daemon.get("/v1/model/config", {"model": f"fam/{family}"},
                       headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_tokenizer_of(daemon, hub):
    add_family(hub, "llama3")
    doc = daemon.get("/v1/model/tokenizer?model=fam/llama3").json()
    assert doc["kind"] and doc["vocab_size"] > 0


# ---- retrieve_tokenizer

def test_tokenizer_handles_are_digests(daemon, hub):
    add_family(hub, "llama3")
    first = daemon.post("/v1/tokenizers", {"model": "fam/llama3"})
    again = daemon.post("/v1/tokenizers", {"model": "fam/llama3"})
    assert (first.status, again.status) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["id"].startswith("tk_")
    other = daemon.post("/v1/tokenizers", {"model": "fam/llama3", "max_length": 77})
    assert other.json()["id"] != first.json()["id"]
    assert daemon.get("/v1/tokenizers/" + first.json()["id"]).status == 200


# ---- retrieve_factory, and calling it; retrieve

@pytest.mark.parametrize("family", PLAIN)
def test_pipeline_of(daemon, hub, family):
    repo = add_family(hub, family)
    answer = daemon.post("/v1/pipelines", request(family))
    assert answer.status in (200, 201), answer
    doc = answer.json()
    assert doc["id"].startswith("pl_") and len(doc["id"]) == 35
    assert (doc["architecture"]["name"], doc["task"]) == KNOWN[family]
    assert doc["model"]["commit"] == repo.head
    assert doc["encoding"] == "bfloat16"
    assert [f["path"] for f in doc["weights"]["files"]] == ["model.safetensors"]
    assert doc["weights"]["total_bytes"] > 0
    again = daemon.post("/v1/pipelines", request(family))
    assert again.status == 200 and again.json()["id"] == doc["id"]
    got = daemon.get("/v1/pipelines/" + doc["id"])
    assert got.status == 200 and got.headers["etag"] == again.headers["etag"]


@pytest.mark.parametrize("family", ["llama3", "qwen3", "bert", "gemma3_text", "mistral"])
def test_a_factory_builds_the_pipeline_that_retrieve_answers(daemon, hub, family):
    add_family(hub, family)
    factory = daemon.post("/v1/factories", request(family))
    assert factory.status in (200, 201), factory
    assert factory.json()["id"].startswith("fc_")
    built = daemon.post(f"/v1/factories/{factory.json()['id']}/pipelines")
    assert built.status in (200, 201), built
    assert built.json()["id"] == daemon.post("/v1/pipelines", request(family)).json()["id"]


def test_effective_can_be_posted_back(daemon, hub):
    add_family(hub, "llama3")
    doc = daemon.post("/v1/pipelines", request("llama3")).json()
    again = daemon.post("/v1/pipelines", doc["effective"])
    assert again.status == 200, again
    assert again.json()["id"] == doc["id"]


def test_override_architecture(daemon, hub):
    add_family(hub, "mixtral")
    answer = daemon.post("/v1/pipelines", dict(request("mistral"), model_path="fam/mixtral",
                                               override_architecture="LlamaForCausalLM"))
    assert answer.status in (200, 201), answer
    assert answer.json()["architecture"]["name"] == "LlamaForCausalLM"


# ---- get_pipeline_for_task

@pytest.mark.parametrize("task,query,name", [
    ("text_generation", "", "TextGenerationPipeline"),
    ("text_generation", "?speculative=true", "SpeculativeDecodingTextGenerationPipeline"),
    ("text_generation", "?speculative=eagle", "OverlapTextGenerationPipeline"),
    ("text_generation", "?enable_overlap_scheduler=true", "OverlapTextGenerationPipeline"),
    ("embeddings_generation", "", "EmbeddingsPipeline"),
    ("audio_generation", "", "AudioGeneratorPipeline"),
    ("speech_token_generation", "", "SpeechTokenGenerationPipeline"),
    ("pixel_generation", "", "PixelGenerationPipeline"),
])
def test_pipeline_class(daemon, task, query, name):
    assert daemon.get(f"/v1/tasks/{task}/pipeline_class{query}").json()["pipeline_class"] == name


def test_an_unknown_task_lists_the_tasks(daemon):
    answer = daemon.get("/v1/tasks/text_generatoin/pipeline_class")
    assert answer.status == 404
    assert "text_generation" in answer.json()["available"]
