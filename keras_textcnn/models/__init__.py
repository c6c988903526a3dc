"""One builder a file, each an uncompiled functional model from ids to logits; `presets.MODELS` names them."""
