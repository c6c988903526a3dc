"""From raw text to answers: the SavedModel, the predictor, explanations."""
