"""Steps: what an observer of the runtime saw, as data, in files and read from files.

Read step.py first, then tracer.py. The format of the files is described in transcripts/README.md.
"""
