"""`genreply learn`: six lessons, each with a run that the learner predicts or changes.

Read lessons.py first: it has the lessons, and the predicates over a transcript that they pass on.
exercise.py runs the file that the learner edits; lesson_view.py shows a lesson, and progress.py
remembers which ones are passed. run.py is the command.
"""
