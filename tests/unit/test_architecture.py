"""The shape of a base, read off the `config.json` of published models."""

from typing import Any

import pytest

from lingraft.architecture import Shape, shape_of_config, shape_of_pretrain
from lingraft.errors import UserError
from lingraft.resource.steps import Pretrain

SIZES = {
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "vocab_size": 50_265,
}
ROBERTA: dict[str, Any] = {
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "max_position_embeddings": 514,
    "pad_token_id": 1,
    **SIZES,
}
BERT: dict[str, Any] = {
    "model_type": "bert",
    "architectures": ["BertForMaskedLM"],
    "max_position_embeddings": 512,
    "pad_token_id": 0,
    **SIZES,
}


def shape(config: dict[str, Any]) -> Shape:
    return shape_of_config(config, where="spec.base.uri")


def test_roberta_base():
    assert shape(ROBERTA) == Shape(
        model_type="roberta",
        layers=12,
        hidden=768,
        intermediate=3072,
        vocabulary=50_265,
        positions=512,
        has_head=True,
    )


def test_only_roberta_numbers_positions_after_the_padding_id():
    assert shape(BERT).positions == 512
    assert shape(BERT | {"pad_token_id": 3}).positions == 512
    assert shape(ROBERTA | {"model_type": "xlm-roberta"}).positions == 512
    assert shape(ROBERTA | {"pad_token_id": 0}).positions == 513
    # transformers' default, which a config may leave out
    assert shape(ROBERTA | {"pad_token_id": None}).positions == 512


@pytest.mark.parametrize(
    ("classes", "has_head"),
    [
        (["BertForPreTraining"], True),
        (["RobertaModel", "RobertaForMaskedLM"], True),
        (["RobertaModel"], False),
        (["RobertaForSequenceClassification"], False),
        (None, False),
    ],
)
def test_a_head_is_known_by_the_class(classes: list[str] | None, has_head: bool):
    assert shape(ROBERTA | {"architectures": classes}).has_head is has_head


@pytest.mark.parametrize("model_type", ["gpt2", "", None])
def test_other_families_are_refused(model_type: str | None):
    with pytest.raises(UserError, match=r"not supported; give .* roberta") as caught:
        shape(ROBERTA | {"model_type": model_type})
    assert caught.value.where == "spec.base.uri"


@pytest.mark.parametrize("field", [*SIZES, "max_position_embeddings"])
@pytest.mark.parametrize("value", [None, "twelve"])
def test_a_missing_size_is_named(field: str, value: str | None):
    with pytest.raises(UserError, match=f"config.json has no {field}"):
        shape(ROBERTA | {field: value})


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("is_decoder", True, "reads to the left alone"),
        ("position_embedding_type", "relative_key_query", "no longer has such positions"),
        ("quantization_config", {"bits": 4}, "its weights are quantised"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused_when_planned(
    setting: str, value: object, sentence: str
):
    with pytest.raises(UserError, match=f"config.json has {setting} .*{sentence}") as caught:
        shape(ROBERTA | {setting: value})
    assert caught.value.where == "spec.base.uri"
    assert shape(ROBERTA | {setting: None}) == shape(ROBERTA)


def test_a_base_to_be_pretrained():
    pretrain = Pretrain.model_validate(
        {
            "text": {"uri": "file:///en"},
            "tokenizer": {"train": {"vocabSize": 4096}},
            "architecture": {
                "modelType": "bert",
                "layers": 4,
                "hiddenSize": 64,
                "attentionHeads": 2,
                "intermediateSize": 128,
                "positions": 96,
            },
        }
    )
    assert shape_of_pretrain(pretrain, 4096) == Shape(
        model_type="bert",
        layers=4,
        hidden=64,
        intermediate=128,
        vocabulary=4096,
        positions=96,
        has_head=True,
    )


MODERNBERT: dict[str, Any] = SIZES | {
    "model_type": "modernbert",
    "architectures": ["ModernBertForMaskedLM"],
    "num_hidden_layers": 22,
    "intermediate_size": 1152,
    "max_position_embeddings": 8192,
    "pad_token_id": 50_283,
}


def test_rotary_positions_are_all_there_whatever_the_padding_id():
    found = shape(MODERNBERT)
    assert (found.positions, found.layers, found.has_head) == (8192, 22, True)
    assert found.keys is found.embedding is None


def test_sizes_under_other_names():
    names = {"dim": 768, "n_layers": 6, "hidden_dim": 3072, "n_heads": 12, "vocab_size": 30_522}
    found = shape(names | {"model_type": "distilbert", "max_position_embeddings": 512})
    assert (found.hidden, found.layers, found.intermediate) == (768, 6, 3072)


def test_electra_has_narrow_embeddings_and_its_discriminator_no_masked_lm_head():
    config = BERT | {"model_type": "electra", "hidden_size": 64, "embedding_size": 128}
    generator = shape(config | {"architectures": ["ElectraForMaskedLM"]})
    assert generator.embedding == 128 and generator.has_head
    discriminator = shape(config | {"architectures": ["ElectraForPreTraining"]})
    assert not discriminator.has_head
    assert shape(config | {"embedding_size": 64}).embedding is None


def test_eurobert_has_fewer_heads_of_keys_and_no_layer_wider_than_its_heads():
    heads = {"num_attention_heads": 12, "num_key_value_heads": 4, "head_dim": 64}
    config = MODERNBERT | heads | {"model_type": "eurobert"}
    assert shape(config).keys == 256
    assert shape(config | {"num_key_value_heads": None}).keys is None
    with pytest.raises(UserError, match=r"12 heads of 128, which are not as wide .* \(768\)"):
        shape(config | {"head_dim": 128})


DEBERTA: dict[str, Any] = BERT | {"model_type": "deberta-v2", "position_buckets": 256}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"conv_kernel_size": 3}, "from one text of a packed row into the next"),
        ({"relative_attention": False}, "BERT under another name"),
        ({"position_buckets": -1}, "put into buckets is supported alone"),
        ({"legacy": False}, "another decoder"),
    ],
)
def test_deberta_is_taken_as_its_third_version_is(settings: dict[str, Any], sentence: str):
    assert shape(DEBERTA | {"conv_kernel_size": None}).distances == 512
    with pytest.raises(UserError, match=sentence):
        shape(DEBERTA | settings)


SMOLLM2: dict[str, Any] = {
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49_152,
    "max_position_embeddings": 8192,
    "is_llama_config": True,
    "rope_scaling": None,
}
QWEN3: dict[str, Any] = SMOLLM2 | {
    "model_type": "qwen3",
    "architectures": ["Qwen3ForCausalLM"],
    "hidden_size": 1024,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
}


def test_a_causal_base():
    found = shape(SMOLLM2)
    assert (found.keys, found.queries, found.positions) == (192, None, 8192)
    assert found.has_head and found.family.causal
    assert shape(SMOLLM2 | {"is_decoder": True}) == found
    assert not shape(SMOLLM2 | {"architectures": ["LlamaModel"]}).has_head


def test_heads_of_a_causal_base_need_not_be_as_wide_as_its_layers():
    assert (shape(QWEN3).queries, shape(QWEN3).keys) == (2048, None)
    gemma = {"model_type": "gemma2", "hidden_size": 2304, "num_attention_heads": 8, "head_dim": 256}
    found = shape(QWEN3 | gemma | {"num_key_value_heads": 4})
    assert (found.queries, found.keys) == (2048, 1024)
    assert "queries" not in shape(SMOLLM2).to_json()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model_type": "mixtral", "num_local_experts": 8}, "mixture of experts"),
        ({"model_type": "qwen3_moe", "num_experts": 128}, "mixture of experts"),
        ({"model_type": "gemma3", "vision_config": {"layers": 1}}, "sees images"),
        ({"model_type": "gemma3_text", "use_bidirectional_attention": True}, "to both sides"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"quantization": {"group_size": 64, "bits": 4}}, r"has quantization .*quantised"),
        ({"compression_config": {"format": "naive-quantized"}}, "quantised"),
        ({"model_type": "custom", "auto_map": {"AutoModel": "a.B"}}, "'custom' is not supported"),
    ],
)
def test_what_is_no_plain_causal_base_is_refused(changes: dict[str, Any], sentence: str):
    with pytest.raises(UserError, match=sentence) as caught:
        shape(QWEN3 | changes)
    assert caught.value.where == "spec.base.uri"


@pytest.mark.parametrize(
    ("model_type", "auto", "target"),
    [
        ("llama", "AutoModel", "someone--modeling_llama_encoder.LlamaEncoderModel"),
        ("llama", "AutoModelForCausalLM", "modeling_moe.LlamaMoEForCausalLM"),
        ("llama", "AutoModelForCausalLM", "modeling_x.X"),
        ("bert", "AutoModel", "modeling_bert.JinaBertModel"),
        ("mistral", "AutoModel", "modeling.MistralBidirectionalModel"),
    ],
)
def test_a_class_of_a_checkpoints_own_is_refused(model_type: str, auto: str, target: str):
    config = SMOLLM2 | {"model_type": model_type, "auto_map": {auto: target}}
    with pytest.raises(UserError, match=rf"auto_map {auto} .*, which is code of its own"):
        shape(config)


@pytest.mark.parametrize(
    ("model_type", "target"),
    [
        ("phi3", "modeling_phi3.Phi3ForCausalLM"),
        ("gemma3_text", "modeling.Gemma3ForCausalLM"),
        ("gemma3_text", "modeling.Gemma3TextModel"),
        ("xlm-roberta", "someone/repo--modeling.XLMRobertaForMaskedLM"),
        ("qwen2", "modeling_qwen.Qwen2Model"),
        ("eurobert", "modeling_eurobert.EuroBertPreTrainedModel"),  # as AutoModelForPreTraining
    ],
)
def test_a_copy_of_transformers_class_is_not(model_type: str, target: str):
    names = {"AutoConfig": "configuration_x.X", "AutoModel": target}
    config = SMOLLM2 | {"model_type": model_type}
    assert shape(config | {"auto_map": names}) == shape(config)
    assert shape(config | {"auto_map": None}) == shape(config)


def test_a_causal_family_that_looks_to_both_sides_is_refused():
    with pytest.raises(UserError, match="is_causal false: it looks to both sides"):
        shape(SMOLLM2 | {"is_causal": False})
    assert shape(SMOLLM2 | {"is_causal": True}) == shape(SMOLLM2)
    assert shape(BERT | {"is_causal": False}) == shape(BERT)


def test_a_setting_that_nobody_reads_condemns_nothing():
    """MmBERT's and Ettin's, which turn queries and keys as every ModernBERT does."""
    modernbert = BERT | {"model_type": "modernbert", "architectures": ["ModernBertForMaskedLM"]}
    assert shape(modernbert | {"position_embedding_type": "sans_pos"}) == shape(modernbert)
    with pytest.raises(UserError, match="no longer has such positions"):
        shape(BERT | {"position_embedding_type": "alibi"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_hidden_layers": 0}, "num_hidden_layers 0, which no model has"),
        ({"num_hidden_layers": True}, "no num_hidden_layers"),
        ({"vocab_size": -5}, "vocab_size -5"),
        ({"pad_token_id": [1]}, "pad_token_id \\[1\\]: make it one number"),
        ({"pad_token_id": "1"}, "make it one number"),
        ({"max_position_embeddings": 2}, "no text fits in"),
    ],
)
def test_sizes_that_no_model_has(changes: dict[str, Any], said: str):
    with pytest.raises(UserError, match=said) as caught:
        shape(ROBERTA | changes)
    assert caught.value.where == "spec.base.uri"
