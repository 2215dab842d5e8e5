"""The FLOPs formulas agree with what torch counts (eager attention: fused CPU attention counts
as zero)."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.families import family_of
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.embeddings.calibrate import PROBABILITY, calibrate
from lingraft_trainer.models.bridge import Bridge, with_bridge
from lingraft_trainer.models.family import AUTO, embeddings, encoder_layers
from lingraft_trainer.models.mini import joint_view
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.training.lm import JointObjective, LmObjective
from lingraft_trainer.training.lm_data import batch_of
from lingraft_trainer.training.targets import Targets
from tests.support.tiny import MODEL_TYPES, tiny_config

ROWS, LENGTH, MASKED = 4, 32, 16  # what is rounded up is in no formula


def model_of(model_type):
    config = tiny_config(
        model_type, vocabulary=300, layers=3, hidden=32, intermediate=96, length=LENGTH
    )
    if model_type == "electra":
        config.embedding_size = 24
    torch.manual_seed(0)
    auto = AUTO[family_of(model_type).objective]
    return auto.from_config(config, attn_implementation="eager")


def batch(family):
    rng = np.random.default_rng(0)
    tokens = rng.integers(4, 300, (ROWS, LENGTH))
    chosen = np.zeros(ROWS * LENGTH, dtype=bool)
    chosen[rng.permutation(ROWS * LENGTH)[:MASKED]] = True
    segments = np.ones((ROWS, LENGTH), dtype=np.uint8)
    targets = Targets(tokens, tokens, chosen.reshape(ROWS, LENGTH))
    return batch_of(targets, segments, family, pad_id=1)


def counted(objective, *, output_only=False):
    with FlopCounterMode(display=False) as counter:
        objective(replace(batch(objective.family), output_only=output_only)).backward()
    return counter.get_total_flops()


@pytest.mark.parametrize("output_only", [False, True])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_embed_step(model_type, output_only):
    model, family = model_of(model_type), family_of(model_type)
    train_embeddings_only(model)
    shape = shape_of_config(model.config.to_dict(), where="test")
    formula = compute.embed_step(
        shape,
        layers=3,
        vocabulary=300,
        tokens=ROWS * LENGTH,
        told=MASKED,
        sequence_length=LENGTH,
        output_share=float(output_only),
    )
    found = counted(LmObjective(model, family), output_only=output_only)
    assert found == pytest.approx(formula, rel=0.01)


@pytest.mark.parametrize("model_type", ["roberta-prelayernorm", "bert"])
def test_a_bridge_is_a_product_there_and_one_back(model_type):
    model, family = model_of(model_type), family_of(model_type)
    with_bridge(model, family, Bridge(torch.randn(32, 32), torch.randn(32), layers=2))
    train_embeddings_only(model)
    shape = shape_of_config(model.config.to_dict(), where="test")
    formula, plain = (
        compute.embed_step(
            shape,
            layers=3,
            vocabulary=300,
            tokens=ROWS * LENGTH,
            told=MASKED,
            sequence_length=LENGTH,
            bridge=bridge,
        )
        for bridge in (True, False)
    )
    assert counted(LmObjective(model, family)) == pytest.approx(formula, rel=0.01)
    assert formula - plain == ROWS * LENGTH * 2 * 2 * 32**2


@pytest.mark.parametrize("joint", [False, True])
def test_pretrain_step(joint):
    model, family = model_of("roberta"), family_of("roberta")
    objective = (
        JointObjective(model, joint_view(model, family, 1), family)
        if joint
        else LmObjective(model, family)
    )
    shape = shape_of_config(model.config.to_dict(), where="test")
    formula = compute.pretrain_step(
        shape,
        heads=2 if joint else 1,
        tokens=ROWS * LENGTH,
        told=MASKED,
        sequence_length=LENGTH,
    )
    assert counted(objective) == pytest.approx(formula, rel=0.01)


@pytest.mark.parametrize("new_layers", [0, 1, 2])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_mini_step_needs_no_backward_pass_through_the_frozen_layers(model_type, new_layers):
    model, family = model_of(model_type), family_of(model_type)
    model.requires_grad_(False)
    for layer in list(encoder_layers(model, family))[3 - new_layers :]:
        layer.requires_grad_(True)
    for name, parameter in model.named_parameters():
        if family.of_head(name) and parameter is not embeddings(model).weight:
            parameter.requires_grad_(True)
    shape = shape_of_config(model.config.to_dict(), where="test")
    formula = compute.mini_step(
        shape,
        layers=3 - new_layers,
        new_layers=new_layers,
        tokens=ROWS * LENGTH,
        told=MASKED,
        sequence_length=LENGTH,
    )
    assert counted(LmObjective(model, family)) == pytest.approx(formula, rel=0.01)


@pytest.mark.parametrize("model_type", ["llama", "roberta", "qwen2"])
def test_calibration(model_type, tmp_path):
    """A pass of the body, and the decoder's for each try; here of every row there is."""
    model, family = model_of(model_type), family_of(model_type)
    writer = PackWriter(
        tmp_path,
        sequence_length=LENGTH,
        pad_id=1,
        mask_id=None if family.causal else 3,
        special_ids=(0, 1, 2, 3),
        vocab_size=300,
        prefix=[],
        suffix=[],
        causal=family.causal,
    )
    rows = 40
    for row in np.random.default_rng(0).integers(4, 300, (rows, LENGTH)):
        writer.add(row.tolist(), LENGTH)
    writer.close()
    with FlopCounterMode(display=False) as counter:
        calibrate(model, family, PackedText(tmp_path))
    formula = compute.calibration(
        shape_of_config(model.config.to_dict(), where="test"),
        vocabulary=300,
        told=(LENGTH - 1) / LENGTH if family.causal else PROBABILITY,
        sequence_length=LENGTH,
    )
    read = formula * rows * LENGTH / compute.CALIBRATION_TOKENS
    assert counter.get_total_flops() == pytest.approx(read, rel=0.02 if family.causal else 0.05)
