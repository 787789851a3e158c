"""The process around a build: a board of tasks, who may do what, and the rules that end it."""
