"""BERT: post-LN layers under `bert`, head under `cls.predictions`, positions from 0."""

from lingraft_trainer.models.family import Family

BERT = Family(
    model_type="bert",
    layers="bert.encoder.layer.",
    head=("cls.predictions.",),
    transform=lambda model, hidden: model.cls.predictions.transform(hidden),
    predictions=lambda model: model.cls.predictions,
    final_norm=lambda model, hidden: hidden,
    first_position=lambda pad_id: 0,
)
