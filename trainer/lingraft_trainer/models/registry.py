"""The families that are known, by transformers' model type."""

from lingraft.errors import UserError
from lingraft_trainer.models.bert import BERT
from lingraft_trainer.models.family import Family
from lingraft_trainer.models.roberta import ROBERTA, XLM_ROBERTA
from lingraft_trainer.models.roberta_prelayernorm import ROBERTA_PRELAYERNORM

FAMILIES = {
    family.model_type: family for family in (BERT, ROBERTA, XLM_ROBERTA, ROBERTA_PRELAYERNORM)
}


def family_of(model_type: str, *, where: str = "spec.base.uri") -> Family:
    """The family of a model type.

    Raises:
        UserError: The family is not supported.
    """
    try:
        return FAMILIES[model_type]
    except KeyError:
        raise UserError(
            f"model type {model_type!r} is not supported; use one of {', '.join(FAMILIES)}",
            where=where,
        ) from None
