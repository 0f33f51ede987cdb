"""What is to be done: the plugins found, the study asked for, and the plan of its cells."""
