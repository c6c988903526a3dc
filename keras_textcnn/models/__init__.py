"""Builders of uncompiled functional models from ids to logits; `presets.MODELS` lists them by name."""
