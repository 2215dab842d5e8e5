"""Tokenizers: training, the swap under a base's special tokens, export, report."""
