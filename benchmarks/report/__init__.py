"""Tables, pictures and parts of the README and the model cards, made of the result files."""
