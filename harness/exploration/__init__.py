"""What a dataset is made of: a pure function of its windows and splits, with a result ready for JSON."""
